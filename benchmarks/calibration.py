"""
What the gate's limits stand between, and the factors of the covariance, on tuning X-rays.

    python benchmarks/calibration.py [--trials 300] [--shard 0/2] [--seconds 380] [--report]

The limits are looked for on the trials of trust.py with other seeds, the factors on those of
calibration_trials.py: all sides, full and low dose, one and two views.  A run goes on where the
last one stopped.  After a change of method, masks or search delete results/benchmarks/calibration
and run it again; then set the limits of GateConfig and the factors of covariance.py by what it
prints.
"""

import argparse
import time
from itertools import product
from pathlib import Path

import numpy as np
import torch
from calibration_trials import PER_SEED, around_a_position
from rich.console import Console
from targets import CHECKOUT
from trust import ELLIPSOID_95, report, shard_of
from trust_rows import Rows, is_right

from xray_registration import covariance
from xray_registration.config import GateConfig

SEEDS = (1, 2, 3)

# Right answers are printed at the percentile that may be refused, wrong ones at their extreme.
_EVIDENCE = {
    # name: sign by which larger is better
    'cost': -1,
    'similarity': 1,
    'agreement': 1,
    'gain': 1,
    'overlap': 1,
    'disagreement': -1,
}

_SIDES_SEEDS = tuple(range(1, 10))

# What the covariance has to do with is asked; the rest of the gate costs time.
_SIDES_GATE = GateConfig(test_mirrored=False, advise=False)

# So many of the 95 % ellipsoids of each kind of X-ray and of each CT have to hold the truth.  One
# pair of factors cannot be right for all: the worst kind is to come near to what is promised, and
# the others hold more.
_AIM = 0.92

# The factors that are tried.
_SCATTERS, _MISFITS = np.arange(1.0, 3.55, 0.1), np.arange(0.0, 0.1025, 0.0025)


def main():
    """Run the calibration from the command line."""
    options = _options()
    torch.set_num_threads(1)
    rows, console = Rows(options.out), Console()
    sides = Rows(options.out / 'sides', around_a_position, _SIDES_GATE)
    all_sides = len(_SIDES_SEEDS) * PER_SEED
    if not options.report:
        began = time.monotonic()
        for row in sides.run(_SIDES_SEEDS, all_sides, *options.shard, options.seconds):
            console.print(f'{row["seed"]}/{row["index"]} {row["kind"]}: {row["verdict"]}')
        left_s = options.seconds - (time.monotonic() - began)
        for row in rows.run(SEEDS, options.trials, *options.shard, left_s):
            console.print(f'{row["seed"]}/{row["index"]} {row["kind"]}: {row["verdict"]}')
    found = rows.read(SEEDS)
    limits = [report(found), *_limits(found), ''] if found else []
    lines = [*limits, *_factors(sides.read(_SIDES_SEEDS))]
    console.print('\n'.join(lines), markup=False, highlight=False, soft_wrap=True)


def _limits(rows):
    """Say where right and wrong answers lie in each kind of evidence."""
    judged = [row for row in rows if row['evidence'] is not None]
    columns = ('evidence', 'right: worst', 'worst 1 %', 'worst 5 %', 'wrong: best 5 %', 'best 1 %',
               'best')  # fmt: skip
    lines = ['| ' + ' | '.join(columns) + ' |', '| --- ' * len(columns) + '|']
    for name, sign in _EVIDENCE.items():
        values = {True: [], False: []}
        for row in judged:
            # None stands for infinity in JSON.
            value = row['evidence'][name]
            if is_right(row) is not None:
                values[is_right(row)].append(-np.inf if value is None else sign * value)
        if values[True] and values[False]:
            cells = [np.percentile(values[True], p, method='lower') for p in (0, 1, 5)]
            cells += [np.percentile(values[False], p, method='higher') for p in (95, 99, 100)]
            lines.append(f'| {name} | ' + ' | '.join(f'{sign * c:.3f}' for c in cells) + ' |')
    ratios = [
        row['evidence']['mirrored_ratio']
        for row in judged
        if is_right(row) and row['evidence']['mirrored_ratio'] is not None
    ]
    if ratios:
        lines.append(
            f'\nmirrored cost by cost, right answers: smallest {min(ratios):.2f}, '
            f'1 % {np.percentile(ratios, 1):.2f}'
        )
    return lines


def _factors(rows):
    """Find the smallest ellipsoids that hold enough truths of each kind of X-ray and each CT."""
    used = [row for row in rows if 'scatter' in row and is_right(row) is not False]
    if not used:
        return []
    errors = np.array([row['error_twist'] for row in used])
    scatter, misfit = (np.array([row[name] for row in used]) for name in ('scatter', 'misfit'))
    groups = {}
    for place, row in enumerate(used):
        for name in (row['kind'], row['ct'], row['verdict']):
            groups.setdefault(name, []).append(place)
    aimed = [places for name, places in groups.items() if name not in ('OK', 'DEGRADED')]

    def held_and_volumes(factors):
        covariances = factors[0] ** 2 * scatter + factors[1] ** 2 * misfit
        solved = np.linalg.solve(covariances, errors[..., None])[..., 0]
        return (errors * solved).sum(1) <= ELLIPSOID_95, np.linalg.slogdet(covariances)[1]

    smallest = None
    for factors in product(_SCATTERS, _MISFITS):
        held, volumes = held_and_volumes(factors)
        is_enough = min(held[places].mean() for places in aimed) >= _AIM
        if is_enough and (smallest is None or volumes.mean() < smallest[0]):
            smallest = volumes.mean(), factors
    lines = [f'covariance from {len(used)} poses']
    if smallest:
        best = ', '.join(f'{factor:.4g}' for factor in smallest[1])
        lines[0] += f', smallest that hold {_AIM:.0%} of each: SCATTER, MISFIT = {best}'
    held, _ = held_and_volumes((covariance.SCATTER, covariance.MISFIT))
    lines += ['', '| as it is set, 95 % ellipsoids hold | |', '| --- | --- |']
    for name, places in {'all': list(range(len(used))), **groups}.items():
        share = f'{held[places].sum()} of {len(places)}, {held[places].mean():.0%}'
        lines.append(f'| {name} | {share} |')
    return lines


def _options():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--trials', type=int, default=300)
    parser.add_argument('--shard', type=shard_of, default=(0, 1), help='such as 0/2 and 1/2')
    parser.add_argument('--seconds', type=float, default=float('inf'), help='then stop')
    parser.add_argument('--report', action='store_true', help='print what there is')
    out = CHECKOUT / 'results' / 'benchmarks' / 'calibration'
    parser.add_argument('--out', type=Path, default=out)
    return parser.parse_args()


if __name__ == '__main__':
    main()
