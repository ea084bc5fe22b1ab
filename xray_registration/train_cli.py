"""`surgical-perception train`: CTs and a preset in, weights with a card out."""

from dataclasses import replace

from rich.console import Console

from surgical_perception.errors import InputError
from xray_registration.learned.network import load_similarity
from xray_registration.training.landscape import draw_landscape
from xray_registration.training.presets import similarity_preset
from xray_registration.training.train_similarity import train_similarity
from xray_registration.volume.loader import load_ct

DEVICES = ('cpu', 'cuda')
LANDSCAPE = 'landscape.png'


def run_similarity(ct_paths, out, preset, agnostic=False, steps=None, seed=0, device=None):
    """
    Train a similarity network and say where its weights are; return the Card.

    The arguments are those of the command line.  Raises InputError for what cannot be used,
    loop.Interrupted on Ctrl-C.
    """
    config = similarity_preset(preset)
    if device is not None and device not in DEVICES:
        raise InputError(f'device is {device!r}, expected one of {", ".join(DEVICES)}')
    loop = replace(config.loop, seed=seed, steps=steps or config.loop.steps)
    console = Console(stderr=True)
    with console.status('loading the CT'):
        cts = [load_ct(path) for path in ct_paths]
    config = replace(config, loop=loop)
    card = train_similarity(cts, config, out, agnostic, device)
    with console.status('drawing the landscape'):
        network = load_similarity(out, cts[0].sha256)
        draw_landscape(out / LANDSCAPE, network, cts[0], config.scene, config.loss.focal_mm)
    minutes = card.training['seconds'] / 60
    console.print(f'{out}: trained for {minutes:.1f} min; use it as weights.path')
    console.print(f'Look at {out / LANDSCAPE}')
    return card
