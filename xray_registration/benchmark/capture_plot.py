"""How far from the truth a start may be: the share that comes home, by the error of the start."""

import numpy as np

from surgical_perception.evaluation import plots
from surgical_perception.evaluation.metrics import SUCCESS_MM, wilson_interval
from xray_registration.benchmark.drawings import colour

_BINS = 8
_BESIDE = 0.006  # methods have the same starts: bars stand this share of the axis apart


def draw_capture(path, records):
    """
    Plot the share below 1 mm against the mTRE of the starts, of all groups together.

    Starts are put into 8 bins that hold as many each, the same for every method; the bars are
    Wilson's 95 % intervals.  Methods that use no start are left out.  Returns whether there was
    something to draw: starts of two different errors.
    """
    methods = list(dict.fromkeys(r.method for r in records))
    found = {m: [r for r in records if r.method == m] for m in methods}
    begun = {m: rs for m, rs in found.items() if np.isfinite([r.start_mtre_mm for r in rs]).all()}
    starts = np.unique([r.start_mtre_mm for rs in begun.values() for r in rs])
    if len(starts) < 2:
        return False
    edges = np.quantile(starts, np.linspace(0, 1, min(_BINS, len(starts) - 1) + 1))
    figure, ax = plots.figure(height_in=4.2)
    for method, of_method in begun.items():
        at = methods.index(method)
        start, share, low, high = success_by_start(of_method, edges).T
        ax.errorbar(
            start + at * _BESIDE * edges[-1],
            share,
            yerr=np.maximum([share - low, high - share], 0),
            fmt='-o',
            ms=5,
            capsize=3,
            color=colour(at),
            label=method,
        )
    ax.set_xlabel('3D error of the start on bone, mTRE (mm)')
    ax.set_ylabel(f'share below {SUCCESS_MM:g} mm, 95 % interval')
    ax.set_xlim(0, None)
    ax.set_ylim(-0.03, 1.03)
    figure.legend(loc='outside upper center', ncols=min(4, len(begun)), fontsize=9)
    figure.savefig(path)
    return True


def success_by_start(records, edges):
    """
    Return rows (median start mTRE, share below 1 mm, its 95 % interval's ends) [B, 4].

    Bins begin at their edge (mm), and the last one holds its end too; empty ones are left out.
    """
    starts = np.array([r.start_mtre_mm for r in records])
    succeeded = np.array([r.mtre_mm for r in records]) < SUCCESS_MM
    bins = np.clip(np.searchsorted(edges, starts, side='right') - 1, 0, len(edges) - 2)
    rows = []
    for number in np.unique(bins):
        of_bin = succeeded[bins == number]
        share = of_bin.mean()
        interval = wilson_interval(int(of_bin.sum()), len(of_bin))
        rows.append((np.median(starts[bins == number]), share, *interval))
    return np.array(rows)
