"""
Search around a start until a cost verifies or two descents agree.

A segmented bone never explains the whole of what surrounds it, so the cost of a right pose differs
from bone to bone and X-ray to X-ray and often verifies nothing.  But descents that began apart
seldom end in the same wrong minimum: the lowest minimum that two of them reach is taken.
"""

import math

import numpy as np
from scipy.stats import qmc

from surgical_perception.geometry import se3

# Ends as near as this are one minimum: well above the spread of repeated descents (0.1 mm and
# 0.3 degrees), well below the distance of neighbouring minima.
_SAME_M, _SAME_RAD = 0.5e-3, math.radians(1.0)


def agreed(request, descend):
    """
    Return the Estimate of lowest cost once it verifies, or another descent has reached it too.

    request     Request with a start
    descend     ct_from_reference [4, 4] -> Estimate of the finest level

    Ends without agreement after `multistart.max_starts`, with the lowest cost.  Poses are
    scattered within the MultistartConfig's ranges, in the axes of the first view.
    """
    ends = []
    for pose in _scattered(request):
        ends.append(descend(pose))
        best = min(ends, key=_cost)
        verified = best.model.cost < request.config.gate.verified_cost
        if verified or sum(_is_same(best, end, request.isocentre_m) for end in ends) > 1:
            break
        if request.config.init == 'start' or request.interrupt():
            break
    return best._replace(starts=len(ends))


def _scattered(request):
    """Yield ct_from_reference [4, 4]: the start, then poses around it."""
    config, isocentre_m = request.config.multistart, request.isocentre_m
    yield se3.inverse(request.start)
    carm_from_ct = request.camera_from_reference @ request.start
    centre = se3.apply(carm_from_ct, isocentre_m)
    half = np.r_[1e-3 * np.array([config.in_plane_mm, config.in_plane_mm, config.depth_mm]),
                 np.full(3, math.radians(config.rotation_deg))]  # fmt: skip
    sampler = qmc.Halton(6, rng=config.seed)
    for unit in 2 * sampler.random(config.max_starts - 1) - 1:
        moved = se3.perturb(half * unit, carm_from_ct, centre)
        yield se3.inverse(moved) @ request.camera_from_reference


def _is_same(a, b, isocentre_m):
    poses = [se3.inverse(estimate.ct_from_reference) for estimate in (a, b)]
    shift = np.linalg.norm(np.subtract(*(se3.apply(pose, isocentre_m) for pose in poses)))
    turn = se3.rotation_angle(poses[0] @ se3.inverse(poses[1]))
    return shift < _SAME_M and turn < _SAME_RAD


def _cost(estimate):
    return estimate.model.cost if math.isfinite(estimate.model.cost) else math.inf
