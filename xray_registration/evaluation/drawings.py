"""Curves of an evaluation: what the poses say of themselves, and shares below an error."""

import numpy as np

from surgical_perception.evaluation import metrics, plots
from xray_registration.result import Verdict

_MARKS = {
    Verdict.OK.value: ('o', plots.AFTER),
    Verdict.DEGRADED.value: ('s', plots.BEFORE),
    Verdict.REJECTED.value: ('x', plots.BAD),
}
_SHARES = {
    'mtre_mm': ('3D, on bone (mTRE)', plots.AFTER),
    'in_plane_mm': ('across the beam', plots.AXES['down']),
    'depth_mm': ('along the beam', plots.AXES['depth']),
}
_RANGE_MM = (0.03, 30.0)


def trust_curves(path, table):
    """Plot similarity with verdicts, reported sigmas and computing time of every shot."""
    shot = np.arange(1, len(table) + 1)
    fig, (top, middle, bottom) = plots.figure(
        3, 1, height_in=7.5, sharex=True, gridspec_kw={'height_ratios': [3, 3, 1.6]}
    )
    similarity = np.array([row['similarity'] for row in table], float)
    for verdict, (mark, colour) in _MARKS.items():
        chosen = np.array([row['verdict'] == verdict for row in table])
        if chosen.any():
            # A shot that was refused before it was compared has no similarity.
            height = np.nan_to_num(similarity[chosen])
            top.plot(shot[chosen], height, mark, color=colour, label=verdict)
    top.set_ylabel('similarity (1 is perfect)')
    top.legend(ncols=3, fontsize=9)
    accepted = np.array([[row['reference_from_ct'] is not None] for row in table])
    sigma_mm = np.where(accepted, np.array([row['sigma_mm'] for row in table], float), np.nan)
    for column, (name, colour) in enumerate(plots.AXES.items()):
        middle.plot(shot, sigma_mm[:, column], 'o-', ms=4, color=colour, label=name)
    middle.set_ylabel('reported sigma (mm)')
    if np.isfinite(sigma_mm).any():
        plots.logarithmic_y(middle)
        middle.legend(ncols=3, fontsize=9)
    plots.time_bars(bottom, shot, [row['time_s'] for row in table])
    fig.align_ylabels()
    fig.savefig(path)


def shares_below(path, table):
    """Plot the share of shots with a truth whose error is below a limit, over the limit."""
    true = [row for row in table if row['has_truth']]
    fig, ax = plots.figure(height_in=3.6)
    limits = np.geomspace(*_RANGE_MM, 200)
    for key, (text, colour) in _SHARES.items():
        errors = np.array([row[key] for row in true], float)
        below = [100 * (errors < limit).mean() for limit in limits]  # NaN is below no limit
        ax.plot(limits, below, color=colour, label=text)
    ax.axvline(metrics.SUCCESS_MM, color=plots.LIMIT, linewidth=1, linestyle=':')
    ax.set_xscale('log')
    ax.xaxis.set_major_formatter('{x:g}')
    ax.set(xlabel='error (mm)', ylabel='shots below it (%)', ylim=(0, 102), xlim=_RANGE_MM)
    ax.legend(fontsize=9)
    fig.savefig(path)
