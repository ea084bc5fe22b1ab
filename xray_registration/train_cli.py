"""`surgical-perception train`: CTs and a preset in, weights with a card out."""

from dataclasses import replace

from rich.console import Console

from surgical_perception.errors import InputError
from xray_registration.landmarks import load_landmarks
from xray_registration.learned.network import load_similarity
from xray_registration.training.isolation_picture import draw_isolated
from xray_registration.training.landscape import draw_landscape
from xray_registration.training.presets import (
    coordinate_preset,
    landmark_preset,
    regressor_preset,
    similarity_preset,
)
from xray_registration.training.train_coordinates import train_coordinates
from xray_registration.training.train_landmarks import train_landmarks
from xray_registration.training.train_regressor import train_regressor
from xray_registration.training.train_similarity import train_similarity
from xray_registration.volume.loader import load_ct

DEVICES = ('cpu', 'cuda')
LANDSCAPE, WHAT_IS_LEFT = 'landscape.png', 'isolated.png'


def run_similarity(
    ct_paths, out, preset, agnostic=False, beside=(), steps=None, seed=0, device=None
):
    """
    Train a similarity network and say where its weights are; return the Card.

    beside    CTs of other bones, for the preset bone

    The other arguments are those of the command line.  Raises InputError for what cannot be used,
    loop.Interrupted on Ctrl-C.
    """
    config = _changed(similarity_preset(preset), steps, seed, device)
    config = replace(config, whole=_changed(config.whole, steps, seed, device))
    console = Console(stderr=True)
    cts = _loaded(console, ct_paths)
    others = _loaded(console, beside)
    card = train_similarity(cts, config, out, agnostic, device, others)
    if not card.weights_sha256:
        return card
    with console.status('drawing what it does'):
        network = load_similarity(out, cts[0].sha256)
        draw_landscape(out / LANDSCAPE, network, cts[0], config.scene, config.loss.focal_mm)
        if network.isolation:
            draw_isolated(out / WHAT_IS_LEFT, network, cts[0], others, config.scene)
    seen = WHAT_IS_LEFT if network.isolation else LANDSCAPE
    _say(console, out, card, f'use it as weights.path; look at {out / seen}')
    return card


def run_regressor(ct_paths, out, preset, agnostic=False, steps=None, seed=0, device=None):
    """Train a pose regressor likewise; return the Card."""
    config = _changed(regressor_preset(preset), steps, seed, device)
    console = Console(stderr=True)
    card = train_regressor(_loaded(console, ct_paths), config, out, agnostic, device)
    _say(console, out, card, 'use it as weights.regressor')
    return card


def run_landmarks(ct_path, out, preset, landmarks=None, steps=None, seed=0, device=None):
    """
    Train heatmaps of a CT's landmarks likewise; return the Card.

    landmarks    file that `load_landmarks` reads; None spreads some over the bone
    """
    config = _changed(landmark_preset(preset), steps, seed, device)
    points_m = None if landmarks is None else load_landmarks(landmarks)
    console = Console(stderr=True)
    (ct,) = _loaded(console, [ct_path])
    card = train_landmarks(ct, config, out, points_m, device)
    _say(console, out, card, 'use it as weights.path, with method landmarks')
    return card


def run_scene_coordinates(ct_path, out, preset, steps=None, seed=0, device=None):
    """Train scene coordinates of a CT likewise; return the Card."""
    config = _changed(coordinate_preset(preset), steps, seed, device)
    console = Console(stderr=True)
    (ct,) = _loaded(console, [ct_path])
    card = train_coordinates(ct, config, out, device)
    _say(console, out, card, 'use it as weights.path, with method scene_coordinates')
    return card


def _say(console, out, card, what_to_do):
    if card.weights_sha256:  # under torchrun, another process has written them
        minutes = card.training['seconds'] / 60
        console.print(f'{out}: trained for {minutes:.1f} min; {what_to_do}')


def _changed(config, steps, seed, device):
    """Return what has a `loop`, with what the command line says instead."""
    if device is not None and device not in DEVICES:
        raise InputError(f'device is {device!r}, expected one of {", ".join(DEVICES)}')
    loop = replace(config.loop, seed=seed, steps=steps or config.loop.steps)
    return replace(config, loop=loop)


def _loaded(console, ct_paths):
    with console.status('loading the CT'):
        return [load_ct(path) for path in ct_paths]
