"""
How far off a start may be: every shot with a truth, registered again from starts around it.

Van de Kraats et al., "Standardized evaluation methodology for 2-D-3-D registration", IEEE TMI
24(9), 2005: starts are spread evenly over their mTRE.
"""

import numpy as np

from surgical_perception.evaluation import metrics, plots
from surgical_perception.geometry import se3
from xray_registration.evaluation.bag_shots import BagShots
from xray_registration.result import Verdict
from xray_registration.shot import Shot

BIN_MM = 5.0
# One degree weighs as much as one millimetre in the direction of a start.
_M_PER_RAD = np.radians(1) / 1e-3
_MAX_ATTEMPTS = 6  # the mTRE is nearly linear in the size of a motion; this is far below 1 um


def starts_around(truth, points, centre, largest_mm, count, rng):
    """
    Return `count` poses [4, 4] whose mTRE is spread evenly over (0, `largest_mm`].

    truth, points, centre   true pose, and anatomical points and isocentre of the CT (m)
    """
    centre = se3.apply(truth, centre)
    wanted_mm = largest_mm * (np.arange(count) + rng.uniform(size=count)) / count
    return [_start(truth, points, centre, mm, rng.normal(size=6)) for mm in wanted_mm]


def _start(truth, points, centre, wanted_mm, direction):
    twist = direction * [1, 1, 1, *[_M_PER_RAD] * 3] * wanted_mm * 1e-3
    for _ in range(_MAX_ATTEMPTS):
        start = se3.perturb(twist, truth, centre)
        twist = twist * wanted_mm / max(metrics.mtre_mm(start, truth, points), 1e-9)
    return se3.perturb(twist, truth, centre)


def capture(path, topics, pipeline, parameters, truths, points, settings, on_start=lambda: None):
    """
    Register every shot with a truth from starts around it; return one dict for each start.

    truths      {stamp: true reference_from_ct [4, 4]} of the shots
    settings    (starts per shot, largest mTRE in mm, seed)

    A start whose result the node would not accept has an infinite error.
    """
    count, largest_mm, seed = settings
    rng, found = np.random.default_rng(seed), []
    with BagShots(path, topics, parameters) as shots:
        for shot in shots:
            if not isinstance(shot, Shot) or shot.stamp_ns not in truths:
                continue
            truth, views = truths[shot.stamp_ns], shots.views(shot)
            centre = pipeline.ct.isocentre_m
            for start in starts_around(truth, points, centre, largest_mm, count, rng):
                result = pipeline.register(views, start)
                accepted = result.verdict is Verdict.OK or (
                    result.verdict is Verdict.DEGRADED and parameters.accept.degraded
                )
                pose = result.reference_from_ct
                found.append(
                    {
                        'stamp_ns': shot.stamp_ns,
                        'start_mtre_mm': metrics.mtre_mm(start, truth, points),
                        'mtre_mm': metrics.mtre_mm(pose, truth, points) if accepted else np.inf,
                        'verdict': result.verdict.value,
                        'starts': result.starts,
                        'time_s': result.time_s,
                    }
                )
                on_start()
    return found


def range_mm(trials):
    """Return the capture range of what `capture` returned."""
    return metrics.capture_range_mm(
        [trial['start_mtre_mm'] for trial in trials],
        [trial['mtre_mm'] for trial in trials],
        bin_mm=BIN_MM,
    )


def draw(path, trials):
    """Plot the share of starts that end below 1 mm, over their error, with Wilson intervals."""
    starts = np.array([trial['start_mtre_mm'] for trial in trials])
    good = np.array([trial['mtre_mm'] for trial in trials]) < metrics.SUCCESS_MM
    bins = np.floor(starts / BIN_MM).astype(int)
    fig, ax = plots.figure(height_in=3.6)
    for index in np.unique(bins):
        inside = bins == index
        share = good[inside].mean()
        low, high = metrics.wilson_interval(int(good[inside].sum()), int(inside.sum()))
        middle = (index + 0.5) * BIN_MM
        ax.bar(middle, 100 * share, 0.9 * BIN_MM, color=plots.AFTER, alpha=0.75)
        ax.plot([middle] * 2, [100 * low, 100 * high], color=plots.LIMIT)
        ax.text(middle, 3, inside.sum(), ha='center', color='white', fontsize=9)
    ax.axhline(95, color=plots.LIMIT, linewidth=1, linestyle=':')
    ax.set(xlabel='3D error of the start, mTRE (mm)', ylabel='ends below 1 mm (%)', ylim=(0, 102))
    fig.savefig(path)
