"""Pictures of a benchmark: success by condition, cumulative errors, times."""

import math

import numpy as np
from matplotlib.ticker import LogLocator

from surgical_perception.evaluation import plots
from surgical_perception.evaluation.metrics import SUCCESS_MM
from xray_registration.benchmark.summary import by_group

_COLUMNS = 3
_ERRORS_MM = (0.05, 100.0)  # of the logarithmic axis; what lies beyond stands at its ends

# Okabe and Ito's palette, then again with other dashes.
_COLOURS = ('#000000', '#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9')
_DASHES = ('-', '--', ':')


def draw_success(path, summaries):
    """Plot the share below 1 mm of every method with its interval, one panel per group."""
    methods = list(dict.fromkeys(s.method for s in summaries))
    groups = list(dict.fromkeys(s.group for s in summaries))
    figure, panels = _panels(groups, 0.8 + 0.28 * len(methods), sharey=True)
    for panel, group in zip(panels, groups, strict=True):
        for s in (s for s in summaries if s.group == group):
            spread = [[s.success - s.success_low], [s.success_high - s.success]]
            at = methods.index(s.method)
            panel.errorbar(
                s.success, at, xerr=np.maximum(spread, 0), fmt='o', ms=5, capsize=3,
                color=colour(at),
            )  # fmt: skip
        panel.set_xlim(-0.03, 1.03)
        panel.set_ylim(len(methods) - 0.4, -0.6)
        panel.set_yticks(range(len(methods)), methods)
    figure.supxlabel(f'share with mTRE < {SUCCESS_MM:g} mm, 95 % interval')
    figure.savefig(path)


def draw_errors(path, records):
    """Plot the share of trials below every mTRE, one panel per group."""
    groups = by_group(records)
    methods = list(dict.fromkeys(r.method for r in records))
    figure, panels = _panels(list(groups), 2.6, sharex=True, sharey=True)
    lines = {}
    for panel, found in zip(panels, groups.values(), strict=True):
        for method, trials in found.items():
            at = methods.index(method)
            errors = np.sort([r.mtre_mm for r in trials])
            errors = np.clip(errors, *_ERRORS_MM)
            share = np.arange(1, len(errors) + 1) / len(errors)
            kept = errors < _ERRORS_MM[1]  # failures never reach the curve
            x = np.r_[_ERRORS_MM[0], errors[kept], _ERRORS_MM[1]]
            y = np.r_[0, share[kept], share[kept][-1] if kept.any() else 0]
            (lines[method],) = panel.step(
                x, y, where='post', color=colour(at), linestyle=_dash(at), linewidth=_width(at)
            )
        panel.axvline(SUCCESS_MM, color=plots.LIMIT, linewidth=0.8, linestyle=':')
        panel.set_xscale('log')
        panel.set_xlim(*_ERRORS_MM)
        panel.xaxis.set_major_formatter('{x:g}')
        panel.set_ylim(-0.02, 1.02)
    figure.supxlabel('3D error on bone, mTRE (mm)')
    figure.supylabel('share of trials below')
    _legend(figure, lines)
    figure.savefig(path)


def draw_times(path, summaries):
    """Plot the median time of every method up to its 95 %, one panel per group."""
    timed = [s for s in summaries if s.time_s is not None]
    methods = list(dict.fromkeys(s.method for s in summaries))
    groups = list(dict.fromkeys(s.group for s in summaries))
    figure, panels = _panels(groups, 0.8 + 0.28 * len(methods), sharex=True, sharey=True)
    for panel, group in zip(panels, groups, strict=True):
        for s in (s for s in timed if s.group == group):
            at, (median, high) = methods.index(s.method), s.time_s
            panel.plot([median, high], [at, at], '-|', color=colour(at))
            panel.plot(median, at, 'o', ms=5, color=colour(at))
        panel.set_xscale('log')
        for set_formatter in (panel.xaxis.set_major_formatter, panel.xaxis.set_minor_formatter):
            set_formatter('{x:g}')
        panel.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        panel.set_ylim(len(methods) - 0.4, -0.6)
        panel.set_yticks(range(len(methods)), methods)
    figure.supxlabel('time of a registration (s): median, up to 95 %')
    figure.savefig(path)


def _panels(groups, height_in, **shared):
    """Return (Figure, axes, one for each group)."""
    columns = min(_COLUMNS, len(groups))
    rows = math.ceil(len(groups) / columns)
    figure, axes = plots.figure(
        rows, columns, height_in=rows * height_in + 0.6, squeeze=False, **shared
    )
    for axis in axes.flat[len(groups) :]:
        axis.set_visible(False)
    for axis, group in zip(axes.flat, groups, strict=False):
        axis.set_title(group, fontsize=10)
        axis.tick_params(
            which='both', labelbottom=True
        )  # the lowest one of a column may be hidden
    return figure, axes.flat[: len(groups)]


def colour(index):
    """Return the colour of the method of an index."""
    return _COLOURS[index % len(_COLOURS)]


def _dash(index):
    return _DASHES[index // len(_COLOURS) % len(_DASHES)]


def _width(index):
    """Return a line's width: the first are wide, so that they show below others like them."""
    return max(1.2, 3.2 - 0.6 * index)


def _legend(figure, lines):
    figure.legend(
        lines.values(), lines, loc='outside upper center', ncols=min(4, len(lines)), fontsize=9
    )
