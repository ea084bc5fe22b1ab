"""
The default method: untrained spherical similarity, Levenberg-Marquardt over a pyramid.

The given start runs through the search levels first.  Where its cost does not verify it, many
turned ones are shifted into place by template matching, ranked by their correlation, and tried in
that order until one is verified.  The finer levels run once, from the best.
"""

import math

from surgical_perception.geometry import se3
from xray_registration.methods.request import Estimate
from xray_registration.solvers.levenberg_marquardt import minimise
from xray_registration.solvers.multistart import turned_starts

# A start goes on when its coarsest cost is within this factor of the lowest so far.  Right poses
# end there at a third of the best wrong one's cost; the factor leaves room for poor images.
_PROMISING = 1.5


def estimate_lm(request):
    """Run the method on a Request; return an Estimate."""
    config = request.config
    coarsest, search = range(1), range(1, config.search_levels)
    fine = range(config.search_levels, len(config.levels))

    best, starts, lowest_cost = None, 0, math.inf
    for pose in _starts(request):
        candidate = _descend(request, coarsest, pose)
        starts += 1
        if best is None or candidate.model.cost <= _PROMISING * lowest_cost:
            lowest_cost = min(lowest_cost, candidate.model.cost)
            if search:
                candidate = _descend(request, search, candidate.ct_from_reference, candidate.steps)
            if best is None or candidate.model.cost < best.model.cost:
                best = candidate
        if best.model.cost < config.gate.verified_cost or request.interrupt():
            break

    if fine:
        best = _descend(request, fine, best.ct_from_reference, best.steps)
    return best._replace(starts=starts)


def _starts(request):
    """Yield ct_from_reference [4, 4]: the given start, then the best looking of many around it."""
    yield se3.inverse(request.start)
    config = request.config.multistart
    if request.config.init == 'start':
        return
    carm_from_ct = request.camera_from_reference @ request.start
    candidates = []
    for turned in turned_starts(carm_from_ct, request.isocentre_m, config, config.max_starts - 1):
        if request.interrupt():
            return
        candidates.append(request.levels[0].aligned(turned, 1e-3 * config.in_plane_mm))
    candidates.sort(key=lambda candidate: -candidate[1])
    for pose, _ in candidates:
        yield se3.inverse(pose) @ request.camera_from_reference


def _descend(request, indices, pose, steps=0):
    """Minimise level after level from a pose; return the Estimate of the last."""
    for index in indices:
        objective = request.levels[index]
        for _ in range(objective.redraws):
            objective.focus(pose)
            solution = minimise(
                objective,
                pose,
                request.config.levels[index].max_steps,
                objective.tolerance_m,
                request.interrupt,
            )
            pose, steps = solution.state, steps + solution.steps
    return Estimate(pose, solution.model, solution.status, steps, 1)
