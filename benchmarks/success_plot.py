"""The picture of the benchmark: which share of starts ends within 1 mm, by the start's range."""

import matplotlib
import numpy as np
from records import conditions

from surgical_perception.evaluation.metrics import SUCCESS_MM, wilson_interval

matplotlib.use('Agg')
from matplotlib import pyplot as plt


def save_success_plot(path, records, start_ranges):
    """Plot success against the rotation range of the starts, one panel per case."""
    groups = conditions(records)
    cases = list(dict.fromkeys(case for _, case, _ in groups))
    methods = list(dict.fromkeys(method for method, _, _ in groups))
    figure, axes = plt.subplots(
        1, len(cases), figsize=(3.4 * len(cases), 3.4), sharey=True, squeeze=False
    )
    for axis, case in zip(axes[0], cases, strict=True):
        for number, method in enumerate(methods):
            _draw(axis, groups, method, case, start_ranges, f'C{number}')
        axis.set_title(case, fontsize=9)
        axis.set_xlabel('starts within +- deg')
        axis.set_ylim(-0.03, 1.03)
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel(f'share with mTRE < {SUCCESS_MM:g} mm')
    handles = [plt.Line2D([], [], color=f'C{i}', marker='o') for i in range(len(methods))]
    figure.legend(handles, methods, loc='lower center', ncol=len(methods), fontsize=8)
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _draw(axis, groups, method, case, start_ranges, colour):
    degrees, shares, below, above = [], [], [], []
    for name, start_range in start_ranges.items():
        group = groups.get((method, case, name))
        if not group:
            continue
        wins = sum(r.mtre_mm < SUCCESS_MM for r in group)
        low, high = wilson_interval(wins, len(group))
        share = wins / len(group)
        degrees.append(start_range.rotation_deg)
        shares.append(share)
        below.append(share - low)
        above.append(high - share)
    if degrees:
        spread = np.clip([below, above], 0, 1)
        axis.errorbar(degrees, shares, spread, color=colour, marker='o', capsize=3)
