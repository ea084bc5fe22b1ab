"""
What the gate's limits stand between, and the factors of the covariance, on tuning X-rays.

    python benchmarks/calibration.py [--trials 300] [--shard 0/2] [--seconds 380] [--report]

The trials are those of trust.py on other seeds.  A run goes on where the last one stopped.  After
a change of method, masks or search delete results/benchmarks/calibration and run it again; then
set the limits of GateConfig and the factors of covariance.py by what it prints.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from scipy.optimize import minimize
from targets import CHECKOUT
from trust import ELLIPSOID_95, report, shard_of
from trust_rows import Rows, is_right

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

# Errors have heavier tails than a Gaussian: with so many degrees of freedom (Student's t) a few
# of them do not set the factors of all.
_FREEDOM = 8.0

# 95 % ellipsoids are to hold a little more than that on X-rays unlike the tuning ones.
_AIM = 0.97


def main():
    """Run the calibration from the command line."""
    options = _options()
    torch.set_num_threads(1)
    rows, console = Rows(options.out), Console()
    if not options.report:
        for row in rows.run(SEEDS, options.trials, *options.shard, options.seconds):
            console.print(f'{row["seed"]}/{row["index"]} {row["kind"]}: {row["verdict"]}')
    found = rows.read(SEEDS)
    lines = [report(found), *_limits(found), '', *_factors(found)]
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
    """Fit the two factors of the covariance to accepted poses; kinds and CTs weigh alike."""
    used = [row for row in rows if 'scatter' in row and is_right(row) is not False]
    if not used:
        return []
    errors = np.array([row['error_twist'] for row in used])
    scatter, misfit = (np.array([row[name] for row in used]) for name in ('scatter', 'misfit'))
    groups = Counter((row['kind'], row['ct']) for row in used)
    weights = np.array([1 / groups[row['kind'], row['ct']] for row in used])
    weights /= weights.sum()

    def distances2(factors):
        covariances = factors[0] ** 2 * scatter + factors[1] ** 2 * misfit
        solved = np.linalg.solve(covariances, errors[..., None])[..., 0]
        return (errors * solved).sum(1), np.linalg.slogdet(covariances)[1]

    def unlikely(logarithms):
        found, volumes = distances2(np.exp(logarithms))
        return weights @ (volumes + (6 + _FREEDOM) * np.log1p(found / _FREEDOM))

    fitted = np.exp(minimize(unlikely, np.log([1.2, 0.02]), method='Nelder-Mead').x)
    found, _ = distances2(fitted)
    order = np.argsort(found)
    limit = np.searchsorted(np.cumsum(weights[order]), _AIM)
    widened = fitted * np.sqrt(found[order][min(limit, len(order) - 1)] / ELLIPSOID_95)
    return [
        f'covariance from {len(used)} poses: most likely factors {fitted.round(4)}; so that '
        f'{_AIM:.0%} of 95 % ellipsoids hold: _SCATTER, _MISFIT = {widened.round(4)}'
    ]


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
