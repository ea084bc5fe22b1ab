"""
How often the gate is wrong, over good X-rays and bad ones.

    python benchmarks/trust.py [--trials 1000] [--shard 0/2] [--seconds 380] [--report]

Trials are those of trust_trials.py, on seeds that no limit was set on (see calibration.py).  A run
goes on where the last one stopped; shards may run at the same time.  --report only prints what
there is.  Leaves trials_<seed>.jsonl, trust.md and trust.json in results/benchmarks/trust.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from scipy.stats import chi2
from targets import CHECKOUT
from trust_rows import RIGHT_MM, WRONG_MM, Rows, is_right
from trust_trials import KINDS

from surgical_perception.evaluation.metrics import wilson_interval
from surgical_perception.evaluation.results import provenance, write_json
from xray_registration import covariance
from xray_registration.config import RegistrationConfig

SEEDS = (20271, 20272, 20273)

# The squared Mahalanobis distance within which 95 % of poses lie, for six dimensions.
ELLIPSOID_95 = chi2.ppf(0.95, 6)


def main():
    """Run the benchmark from the command line."""
    options = _options()
    torch.set_num_threads(1)  # shards are the parallelism
    rows, console = Rows(options.out), Console()
    if not options.report:
        for row in rows.run(SEEDS, options.trials, *options.shard, options.seconds):
            console.print(
                f'{row["seed"]}/{row["index"]} {row["kind"]}: {row["verdict"]} '
                f'{row.get("mtre_mm", float("nan")):.2f} mm {row["time_s"]:.1f} s',
                highlight=False,
            )
    found = rows.read(SEEDS)
    if found:
        text = report(found)
        (options.out / 'trust.md').write_text(text, encoding='utf-8')
        about = {'config': RegistrationConfig(), 'seeds': SEEDS, 'trials': len(found)}
        write_json(options.out / 'trust.json', {**about, 'report': text, **provenance()})
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def report(rows):
    """Return Markdown: verdicts by kind of trial, then the promises and how they were kept."""
    return '\n'.join([*_verdicts(rows), '', *_promises(rows), '', *_reasons(rows), ''])


def _verdicts(rows):
    columns = ('trials', 'OK', 'DEGRADED', 'REJECTED', f'OK, off by > {WRONG_MM:g} mm or no truth',
               f'REJECTED, off by < {RIGHT_MM:g} mm', 'median time s', '95 % time s')  # fmt: skip
    lines = ['| X-rays | ' + ' | '.join(columns) + ' |', '| --- ' * (len(columns) + 1) + '|']
    for kind in (*KINDS, 'all'):
        group = [row for row in rows if kind in (row['kind'], 'all')]
        if group:
            lines.append(f'| {kind} | ' + ' | '.join(_cells(group)) + ' |')
    return lines


def _cells(group):
    verdicts = Counter(row['verdict'] for row in group)
    times = [row['time_s'] for row in group]
    return [
        str(len(group)),
        *(str(verdicts[name]) for name in ('OK', 'DEGRADED', 'REJECTED')),
        str(sum(row['verdict'] == 'OK' and is_right(row) is False for row in group)),
        str(sum(row['verdict'] == 'REJECTED' and is_right(row) is True for row in group)),
        *(f'{np.percentile(times, p):.2f}' for p in (50, 95)),
    ]


def _promises(rows):
    accepted = [row for row in rows if row['verdict'] == 'OK']
    right = [row for row in rows if is_right(row)]
    usual = [r for r in rows if r['kind'] in ('good', 'poor detector', 'two views')]
    mirrored = [row for row in rows if row['kind'] == 'mirrored']
    held = [row for row in accepted if 'scatter' in row]
    one_view = [r['sigma_mm'] for r in accepted if r['views'] == 1]
    lines = [
        _share('accepted as OK and wrong, of all', sum(is_right(r) is False for r in accepted),
               len(rows)),
        _share('mirrored X-rays that are OK', sum(r['verdict'] == 'OK' for r in mirrored),
               len(mirrored)),
        _share('mirrored X-rays whose reason says so',
               sum('mirrored' in r['reason'] for r in mirrored), len(mirrored)),
        _share('right poses that are refused', sum(r['verdict'] == 'REJECTED' for r in right),
               len(right)),
        _share('good X-rays without a usable pose',
               sum(r['verdict'] == 'REJECTED' for r in usual), len(usual)),
        *(
            _share(f'95 % ellipsoids that hold the truth, {name}', *_held(group))
            for name, group in _coverage_groups(held).items()
        ),
    ]  # fmt: skip
    if one_view:
        ratio = np.median([s[2] / np.hypot(*s[:2]) * np.sqrt(2) for s in one_view])
        lines.append(f'- depth sigma by in-plane sigma, one view, median: {ratio:.1f}')
    return lines


def _coverage_groups(rows):
    groups = {'all': rows}
    for row in rows:
        groups.setdefault(f'{row["kind"]}, {row["ct"]}', []).append(row)
    return {name: group for name, group in groups.items() if name == 'all' or len(group) >= 10}


def _held(rows):
    inside = 0
    for row in rows:
        error = np.array(row['error_twist'])
        spread = covariance.combined(np.array(row['scatter']), np.array(row['misfit']))
        inside += float(error @ np.linalg.solve(spread, error)) <= ELLIPSOID_95
    return inside, len(rows)


def _reasons(rows):
    """List the first reason of every refusal, the commonest first."""
    texts = Counter(
        (row['kind'], row['reason'].split(':')[0].split('; ')[0])
        for row in rows
        if row['verdict'] == 'REJECTED'
    )
    return [f'- {kind}, {count}: {text}' for (kind, text), count in texts.most_common(25)]


def _share(name, count, total):
    low, high = wilson_interval(count, total) if total else (0, 1)
    share = count / max(total, 1)
    return f'- {name}: {count} of {total}, {share:.1%} (95 % interval {low:.1%}-{high:.1%})'


def shard_of(text):
    shard, _, shards = text.partition('/')
    if not (shard.isdigit() and shards.isdigit() and int(shard) < int(shards)):
        raise argparse.ArgumentTypeError(f'{text!r} is no shard such as 0/2 or 1/2')
    return int(shard), int(shards)


def _options():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--trials', type=int, default=1000)
    parser.add_argument('--shard', type=shard_of, default=(0, 1), help='such as 0/2 and 1/2')
    parser.add_argument('--seconds', type=float, default=float('inf'), help='then stop')
    parser.add_argument('--report', action='store_true', help='print what there is')
    out = CHECKOUT / 'results' / 'benchmarks' / 'trust'
    parser.add_argument('--out', type=Path, default=out)
    return parser.parse_args()


if __name__ == '__main__':
    main()
