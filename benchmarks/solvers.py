"""
Solvers compared: Levenberg-Marquardt, gradient descent, Adam and L-BFGS on the same costs.

    python benchmarks/solvers.py [--cases chest,pelvis] [--within 10,20] [--poses 10]

Every solver descends the same pyramid of untrained costs from the same starts.  An evaluation is
one rendering with its Jacobian.  Leaves solvers.{md,csv,png} in the folder of --out, by default
results/benchmarks.
"""

import argparse
import csv
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from solver_runs import SOLVERS
from targets import CASES, CHECKOUT, targets
from trials import START_RANGES

from surgical_perception.evaluation.metrics import mtre_mm, wilson_interval
from surgical_perception.geometry import se3
from xray_registration.benchmark.starts import starts
from xray_registration.config import RegistrationConfig
from xray_registration.objective import LevelObjective
from xray_registration.pyramid import VolumePyramid
from xray_registration.volume.attenuation import attenuation_from_ct

SEED = 20263
SUCCESS_MM = 1.0


@dataclass(frozen=True)
class Row:
    """One solver from one start."""

    solver: str
    case: str
    within: str
    pose: int
    mtre_mm: float
    evaluations: int
    time_s: float


def main():
    """Run the comparison from the command line."""
    options = _options()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for case in options.cases.split(','):
        for within in options.within.split(','):
            rows += _run(CASES[case], within, options.poses)
            text = _write(options.out, rows)  # what is finished stays, whatever comes
    Console().print(text, soft_wrap=True, markup=False, highlight=False)


def _write(out, rows):
    """Write rows, table and picture; return the table."""
    with (out / 'solvers.csv').open('w', newline='', encoding='utf-8') as stream:
        writer = csv.DictWriter(stream, list(asdict(rows[0])))
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    text = _table(rows)
    (out / 'solvers.md').write_text(text, encoding='utf-8')
    _plot(out / 'solvers.png', rows)
    return text


def _run(case, within, count):
    xrays = targets(case, count, SEED)
    volumes = VolumePyramid(attenuation_from_ct(case.ct))
    config = RegistrationConfig()
    start_range = next(r for r in START_RANGES.values() if f'{r.rotation_deg:g}' == within)
    poses = starts(xrays.carm_from_ct, case.ct.isocentre_m, start_range, 1, SEED)[:, 0]
    rows = []
    for number in track(range(count), f'{case.name}, {start_range.name}'):
        levels = [LevelObjective([xrays.views[number]], volumes, x, config) for x in config.levels]
        for name, solve in SOLVERS.items():
            began, pose, evaluations = time.perf_counter(), se3.inverse(poses[number]), 0
            for objective, level in zip(levels, config.levels, strict=True):
                pose, spent = solve(objective, pose, level)
                evaluations += spent
            seconds = time.perf_counter() - began
            error = mtre_mm(se3.inverse(pose), xrays.carm_from_ct[number], xrays.points)
            rows.append(
                Row(name, case.name, start_range.name, number, error, evaluations, seconds)
            )
    return rows


def _groups(rows):
    groups = {}
    for row in rows:
        groups.setdefault((row.case, row.within, row.solver), []).append(row)
    return groups


def _table(rows):
    head = ('X-rays', 'starts within', 'solver', '< 1 mm (95 % interval)', 'median mm')
    lines = [[*head, 'evaluations', 'time s'], ['---'] * 7]
    for (case, within, solver), group in _groups(rows).items():
        errors = np.array([row.mtre_mm for row in group])
        good = int((errors < SUCCESS_MM).sum())
        low, high = wilson_interval(good, len(group))
        lines.append(
            [
                case,
                within,
                solver,
                f'{good} of {len(group)} ({low:.0%}-{high:.0%})',
                f'{np.median(errors):.3g}',
                f'{np.median([row.evaluations for row in group]):.0f}',
                f'{np.median([row.time_s for row in group]):.2f}',
            ]
        )
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines) + '\n'


def _plot(path, rows):
    """Draw time against error, one colour for each solver."""
    figure, axes = plt.subplots(figsize=(7, 4.5), layout='constrained')
    for solver in SOLVERS:
        mine = [row for row in rows if row.solver == solver]
        axes.loglog([r.time_s for r in mine], [r.mtre_mm for r in mine], 'o', ms=4, label=solver)
    axes.axhline(SUCCESS_MM, color='0.6', lw=1)
    axes.set(xlabel='time (s)', ylabel='mTRE at the end (mm)')
    axes.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _options():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--cases', default='chest,pelvis')
    parser.add_argument('--within', default='10,20', help='deg: 10, 20, 30, 45')
    parser.add_argument('--poses', type=int, default=10)
    parser.add_argument('--out', type=Path, default=CHECKOUT / 'results' / 'benchmarks')
    return parser.parse_args()


if __name__ == '__main__':
    main()
