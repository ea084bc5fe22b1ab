"""The trials of the tracking benchmark as CSV, as tables and as a picture."""

import csv
from dataclasses import asdict

import numpy as np
from tracking_seed import CHAINING, METHODS, STATIC

from surgical_perception.errors import InputError
from surgical_perception.evaluation import plots
from surgical_perception.evaluation.tracking.bootstrap import paired_bootstrap

_NUMBERS = ('measure_cpu_s', 'link_cpu_s', 'fit_cpu_s', 'steps', 'inverse_error', 'samples_px')
_COLUMNS = {
    'delta_px': '2D delta_avg (%)',
    'delta_mm': '3D delta_avg (%)',
    'mean_px': 'mean (px)',
    'last_px': 'last frame (px)',
    'visibility': 'visibility OA (%)',
    'ellipsoid': 'in 95 % ellipsoid (%)',
    'link_cpu_s': 'correspondences (CPU s)',
    'fit_cpu_s': 'fit (CPU s)',
}
_COLOURS = ('#999999', plots.BEFORE, plots.AFTER, '#009E73', '#CC79A7')


def row(trial):
    """Return everything of a trial but its single errors, as {column: value}."""
    numbers = {name: getattr(trial, name) for name in _NUMBERS}
    return {'seed': trial.seed, 'method': trial.method, **asdict(trial.scores), **numbers}


def write_csv(path, trials):
    """Write one line per trial."""
    rows = [row(trial) for trial in trials]
    with path.open('w', newline='', encoding='utf-8') as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        for line in rows:
            writer.writerow(
                {k: f'{v:.6g}' if isinstance(v, float) else v for k, v in line.items()}
            )


def markdown(trials):
    """Return the table of means, that of every seed, and the differences from chaining."""
    parts = ['Mean over the seeds:\n', _table(_means(trials), ('method', 'seeds', *_COLUMNS))]
    rows = [row(trial) for trial in trials]
    parts += ['\nEvery seed:\n', _table(rows, ('seed', 'method', *_COLUMNS))]
    checks = [r for r in rows if np.isfinite(r['inverse_error'])]
    if checks:
        inverse = max(r['inverse_error'] for r in checks)
        samples = np.mean([r['samples_px'] for r in checks])
        parts.append(
            f'\nInverse of forward: at most {inverse:.2g} in units of the workspace. Tracks with '
            f'6 and with 32 samples along a ray differ by {samples:.3f} px (median).\n'
        )
    return ''.join([*parts, _differences(trials)])


def save_plot(path, trials):
    """Draw the share of points within an error, and the error over time, for each method."""
    fig, (left, right) = plots.figure(1, 2, height_in=4.0)
    limits = np.geomspace(0.1, 64, 60)
    for method, colour in zip(METHODS, _COLOURS, strict=True):
        group = [trial for trial in trials if trial.method == method]
        if not group:
            continue
        within = [[(t.errors_px < limit).mean() for limit in limits] for t in group]
        left.plot(limits, 100 * np.mean(within, 0), color=colour, label=method)
        if method != STATIC:
            right.plot(np.mean([t.frame_px for t in group], 0), color=colour, label=method)
    left.set_xscale('log')
    left.xaxis.set_major_formatter('{x:g}')
    left.set_xlabel('2D error (px)')
    left.set_ylabel('share of visible points within (%)')
    left.set_ylim(0, 101)
    left.legend(frameon=False, fontsize=8)
    right.set_xlabel('frame')
    right.set_ylabel('mean 2D error (px)')
    right.set_ylim(bottom=0)
    fig.savefig(path)


def _means(trials):
    for method in METHODS:
        rows = [row(trial) for trial in trials if trial.method == method]
        if rows:
            means = {key: float(np.mean([r[key] for r in rows])) for key in _COLUMNS}
            yield {'method': method, 'seeds': len(rows), **means}


def _differences(trials):
    """Return a line per method: its 2D delta_avg minus that of chaining on the same scenes."""
    by_method = {
        method: {t.seed: t.scores.delta_px for t in trials if t.method == method}
        for method in METHODS
    }
    lines = []
    for method, scores in by_method.items():
        if method in (STATIC, CHAINING) or not scores:
            continue
        try:
            gain = paired_bootstrap(scores, by_method[CHAINING])
        except InputError:
            continue  # one scene, or not the same ones
        lines.append(
            f'\n{method} minus {CHAINING}: {gain.value:+.1f} points of 2D delta_avg, 95 % '
            f'interval {gain.low:+.1f} to {gain.high:+.1f} (paired bootstrap over '
            f'{gain.clips} scenes).\n'
        )
    return ''.join(lines)


def _table(rows, columns):
    lines = [[_COLUMNS.get(name, name) for name in columns], ['---'] * len(columns)]
    lines += [[_cell(line[name]) for name in columns] for line in rows]
    return '\n' + '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines) + '\n'


def _cell(value):
    if not isinstance(value, float):
        return str(value)
    return f'{value:.3g}' if np.isfinite(value) else ''
