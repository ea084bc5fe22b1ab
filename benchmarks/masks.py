"""
How well automatic masks find what stands in the beam, and what they take from clean X-rays.

    python benchmarks/masks.py [--cases pelvis,chest] [--poses 4] [--out FOLDER]

Leaves masks.md and masks.json, and masks.png, which shows them, in the folder of --out.  Its times
are CPU time of this process and time on the wall: on a busy machine the first tells more.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
from targets import CASES, CHECKOUT, ideal_line_integrals
from trials import poses

from surgical_perception.evaluation import plots
from surgical_perception.evaluation.results import provenance, write_json
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.benchmark.xrays import CAMERA
from xray_registration.config import MaskConfig
from xray_registration.masks.automatic import automatic_mask
from xray_registration.overlay import overlay
from xray_registration.simulation.degrade import degrade, preset
from xray_registration.simulation.obstructions import PRESETS, ObstructionConfig, obstruct
from xray_registration.views import View, line_integrals

SEED = 20262
KINDS = {'nothing': ObstructionConfig(), **PRESETS}
_HEADER = (
    '| in the beam | dose | X-rays | obstructed masked | worst | usable lost | worst |\n'
    '|---|---|---|---|---|---|---|\n'
)
# Sides of the images whose masks are timed, and times each: the first calls fill caches.
SIDES, REPEATS, WARM_UP = (256, 1024), 5, 2
WIDTH_MM = 297.0  # of the detector
_TIMES_HEADER = (
    '\n| in the beam | image | CPU ms, median | longest | wall ms, median | longest |\n'
    '|---|---|---|---|---|---|\n'
)


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--cases', default='pelvis,chest')
    parser.add_argument('--poses', type=int, default=4)
    parser.add_argument('--out', type=Path, default=CHECKOUT / 'results' / 'benchmarks' / 'masks')
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    ideals = [
        ideal_line_integrals(case, pose)
        for case in map(CASES.get, options.cases.split(','))
        for pose in poses(case.ct, options.poses, SEED)
    ]
    rows, pictures = [], {}
    for kind, config in KINDS.items():
        for dose in ('standard', 'harder'):
            measured = [_measured(ideal, i, config, dose) for i, ideal in enumerate(ideals)]
            rows.append({'kind': kind, 'dose': dose, 'xrays': [row for row, _ in measured]})
            pictures[kind, dose] = measured[len(measured) // 2][1]
    times = [
        {'kind': kind, 'side': side, 'ms': _times(ideals, config, side)}
        for kind, config in KINDS.items()
        for side in SIDES
    ]
    table = _HEADER + ''.join(map(_line, rows)) + _TIMES_HEADER + ''.join(map(_time_line, times))
    (options.out / 'masks.md').write_text(table, encoding='utf-8')
    write_json(
        options.out / 'masks.json', {'seed': SEED, 'rows': rows, 'times': times, **provenance()}
    )
    _draw(options.out / 'masks.png', pictures)
    print(table)


def _measured(ideal, index, config, dose):
    """Mask one X-ray; return its numbers and the picture of its mask."""
    image, where = obstruct(ideal, config, np.random.default_rng([SEED, 4, index]))
    raw = degrade(image, preset(dose), np.random.default_rng([SEED, 3, index]))
    view = View(line_integrals(raw, 'raw'), CAMERA)
    found = automatic_mask(view, MaskConfig())
    row = {
        'masked': float((~found.mask)[where].mean()) if where.any() else float('nan'),
        'lost': float((~found.mask)[~where].mean()),
        'text': found.text,
    }
    return row, overlay(view.image, np.zeros_like(view.image), found.mask)


def _line(row):
    masked, lost = ([x[name] for x in row['xrays']] for name in ('masked', 'lost'))
    found = '–' if np.isnan(masked).any() else f'{np.mean(masked):.1%}'
    worst = '–' if np.isnan(masked).any() else f'{np.min(masked):.1%}'
    return (
        f'| {row["kind"]} | {row["dose"]} | {len(lost)} | {found} | {worst} '
        f'| {np.mean(lost):.1%} | {np.max(lost):.1%} |\n'
    )


def _times(ideals, config, side):
    """Return [CPU ms, wall ms] of every mask of X-rays of this side."""
    camera = PinholeCamera.from_carm(side, side, sdd_mm=1020.0, du_mm=WIDTH_MM / side)
    found = []
    for index, ideal in enumerate(ideals):
        large = cv2.resize(ideal, (side, side), interpolation=cv2.INTER_CUBIC)
        image, _ = obstruct(large, config, np.random.default_rng([SEED, 4, index]))
        raw = degrade(image, preset('standard'), np.random.default_rng([SEED, 3, index]))
        view = View(line_integrals(raw, 'raw'), camera)
        for repeat in range(WARM_UP + REPEATS):
            cpu, wall = time.process_time(), time.perf_counter()
            automatic_mask(view, MaskConfig())
            spent = time.process_time() - cpu, time.perf_counter() - wall
            if repeat >= WARM_UP:
                found.append([1e3 * seconds for seconds in spent])
    return found


def _time_line(row):
    columns = (f'{np.median(ms):.0f} | {max(ms):.0f}' for ms in np.transpose(row['ms']))
    return f'| {row["kind"]} | {row["side"]}x{row["side"]} | {" | ".join(columns)} |\n'


def _draw(path, pictures):
    fig, axes = plots.figure(2, len(KINDS), height_in=4.2)
    for ax, ((kind, dose), picture) in zip(axes.T.ravel(), pictures.items(), strict=True):
        ax.imshow(cv2.resize(picture, (320, 320), interpolation=cv2.INTER_AREA))
        ax.set_title(f'{kind}, {dose}', fontsize=7)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[:].set_visible(False)
    fig.savefig(path)


if __name__ == '__main__':
    main()
