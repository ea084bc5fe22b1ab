"""Which state the tracker is in, and why."""

from dataclasses import dataclass

import numpy as np

from surg_invnerf.live.result import State


@dataclass(frozen=True)
class Signs:
    """
    What the state of one frame is judged by.

    lost            why nothing can be measured in this frame, in words; empty where it can
    degraded        what else is wrong, in words
    points          tracked in all
    seen            of them, measured in this frame
    in_view         of them, projecting into the image and on no instrument
    late            points that the deadline left no time for
    fitting         whether a fit is to run beside
    answered        whether it has answered since the start or the last reset
    fit_age_s       since the frame of its last answer
    disagreement_m  median of |model - stereo| depth; NaN without
    """

    lost: str
    degraded: tuple[str, ...]
    points: int
    seen: int
    in_view: int
    late: int
    fitting: bool
    answered: bool
    fit_age_s: float
    disagreement_m: float


def judge(signs, limits):
    """Return (State, reason) of Signs under a HealthConfig: every reason, those of worst first."""
    found = sorted(_problems(signs, limits), key=lambda problem: -problem[0])
    if not found:
        return State.TRACKING, ''
    return found[0][0], '; '.join(text for _, text in found)


def _problems(signs, limits):
    if signs.lost:
        yield State.LOST, signs.lost
    elif signs.points and signs.seen < min(limits.min_points, signs.points):
        yield State.LOST, f'{signs.seen} of {signs.points} points are seen'
    elif not signs.points:
        yield State.DEGRADED, 'no points are tracked: add queries'
    elif signs.in_view and signs.seen < limits.min_seen_share * signs.in_view:
        yield State.DEGRADED, f'{signs.seen} of {signs.in_view} points in view are seen'
    for text in signs.degraded:
        yield State.DEGRADED, text
    if signs.late:
        yield (
            State.DEGRADED,
            f'the deadline left no time for {signs.late} points: raise deadline_s, or track fewer',
        )
    if signs.fitting and not signs.answered:
        yield State.BOOT, 'the fit has not answered yet: positions are chained flow'
    if signs.answered and signs.fit_age_s > limits.max_fit_age_s:
        yield (
            State.DEGRADED,
            f"the fit's last answer is {signs.fit_age_s:.1f} s old: positions drift",
        )
    gap_mm = 1e3 * signs.disagreement_m
    if np.isfinite(gap_mm) and gap_mm > limits.max_disagreement_mm:
        yield State.DEGRADED, f'model and stereo disagree by {gap_mm:.1f} mm (median)'
