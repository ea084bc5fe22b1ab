"""
How the time of a DRR with its Jacobian grows with pixels, voxels, threads and poses.

    python benchmarks/renderer_scaling.py [--out FOLDER]

Leaves renderer_scaling.png and renderer_scaling.json in the folder of --out.
"""

import argparse
import os
from pathlib import Path

import matplotlib
import numba
import torch
from renderer_cases import Ours, carm_camera, chest_volume, median_seconds, oblique_poses

from surgical_perception.evaluation.results import provenance, write_json

PIXELS = (32, 64, 128, 256, 512)
VOXELS_MM = (5.6, 2.8, 1.4, 1.0)
BATCHES = (1, 2, 4, 8, 16)
CHECKOUT = Path(__file__).resolve().parents[1]


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--out', type=Path, default=CHECKOUT / 'results' / 'benchmarks')
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    all_threads = len(os.sched_getaffinity(0))
    backend = 'triton' if torch.cuda.is_available() else 'numba'

    numba.set_num_threads(all_threads)
    fine = chest_volume()
    curves = {
        'pixels a side (1.4 mm voxels)': [(n, _seconds(fine, n, backend)) for n in PIXELS],
        'voxels (256x256 pixels)': [_voxels(mm, backend) for mm in VOXELS_MM],
        'poses in a batch (128x128 pixels)': [
            (n, _seconds(fine, 128, backend, poses=n)) for n in BATCHES
        ],
    }
    if backend == 'numba':
        curves['threads (256x256 pixels)'] = [
            (n, _seconds(fine, 256, backend, threads=n)) for n in _powers_of_two(all_threads)
        ]
    for title, curve in curves.items():
        print(
            title, *(f'{x}: {1e3 * s[0]:.3g} / {1e3 * s[1]:.3g} ms' for x, s in curve), sep='\n  '
        )
    write_json(options.out / 'renderer_scaling.json', {'seconds': curves, **provenance()})
    _save_plot(options.out / 'renderer_scaling.png', curves, backend)


def _seconds(volume, pixels, backend, poses=1, threads=None):
    """Return (image, image + J) seconds of a call."""
    if threads:
        numba.set_num_threads(threads)
    ours = Ours(volume, carm_camera(pixels), backend)
    batch = oblique_poses(volume, poses)
    return (
        median_seconds(lambda: ours.image(batch)),
        median_seconds(lambda: ours.image_and_jacobian(batch)),
    )


def _voxels(spacing_mm, backend):
    volume = chest_volume(spacing_mm * 1e-3)
    return volume.mu_per_m.size, _seconds(volume, 256, backend)


def _powers_of_two(most):
    return sorted({*(2**k for k in range(most.bit_length()) if 2**k <= most), most})


def _tick(x):
    return str(x) if x < 1e4 else f'{x / 1e6:.2g} M'


def _save_plot(path, curves, backend):
    matplotlib.use('Agg')
    from matplotlib import pyplot
    from matplotlib.ticker import NullLocator

    figure, axes = pyplot.subplots(1, len(curves), figsize=(4 * len(curves), 3.4), sharey=True)
    for axis, (title, curve) in zip(axes, curves.items(), strict=True):
        for i, label in enumerate(('image', 'image + J')):
            axis.loglog([x for x, _ in curve], [1e3 * s[i] for _, s in curve], 'o-', label=label)
        axis.set_xlabel(title)
        axis.set_xticks([x for x, _ in curve], [_tick(x) for x, _ in curve])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.grid(True, which='both', alpha=0.3)
    axes[0].set_ylabel(f'ms, {backend}')
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


if __name__ == '__main__':
    main()
