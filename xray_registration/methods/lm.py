"""
The default method: untrained spherical similarity, Levenberg-Marquardt over a pyramid.

A given start runs through the search levels first.  Where its cost does not verify it, or there is
none, many poses are shifted into place by template matching and ranked (`search/`).  They are
tried in that order, a few at a time, the best first, and only as far down the search levels as
they are worth it, until one is verified or stands out.  The finer levels run once, from the best.

Where only the surroundings of the projected CT are compared, template matching over the whole
image says nothing, and no cost verifies: there descents from around the start have to agree.
"""

import math

from surgical_perception.geometry import se3
from xray_registration.methods.request import Estimate
from xray_registration.search.agreement import agreed
from xray_registration.search.hypotheses import ranked
from xray_registration.search.minima import Minima
from xray_registration.solvers.levenberg_marquardt import minimise

# Poses that are compared at the coarsest level before the best of them go on.
_AT_ONCE = 4

# A minimum that stands out ends the search once this many poses were tried.
_ENOUGH = 16

# Nothing that costs more than this many times the gate's limit has come near to matching: such a
# search ends after half of the poses, or the X-ray of another patient would take twice as long to
# refuse.  On tuning X-rays the right pose was among the first third.
_HOPELESS = 2.0


def estimate(request):
    """Run the method on a Request; return an Estimate."""
    config = request.config
    if config.region.kind == 'projection' and request.start is not None:
        return agreed(request, lambda pose: descend(request, range(len(config.levels)), pose))
    best = _search(request)
    fine = range(config.search_levels, len(config.levels))
    if not fine:
        return best
    refined = descend(request, fine, best.ct_from_reference, best.steps)
    return refined._replace(starts=best.starts)


def _search(request):
    """Return the first verified Estimate of the last search level, else that of lowest cost."""
    config = request.config
    minima = [Minima(request.isocentre_m) for _ in range(1, config.search_levels)]
    best, tried = None, 0
    if request.start is not None:
        coarse = descend(request, range(1), se3.inverse(request.start))
        best, tried = _gone_on(request, coarse, minima), 1
        if config.init == 'start' or _is_verified(request, best) or request.interrupt():
            return best
    poses = ranked(request)[: config.multistart.max_starts - tried]
    for first in range(0, len(poses), _AT_ONCE):
        batch = [descend(request, range(1), pose) for pose in poses[first : first + _AT_ONCE]]
        tried += len(batch)
        for coarse in sorted(batch, key=_cost):
            found = _gone_on(request, coarse, minima)
            if found is not None and (best is None or _cost(found) < _cost(best)):
                best = found
            if best is not None and (_is_verified(request, best) or request.interrupt()):
                return best._replace(starts=tried)
        limit = config.gate.max_cost_degraded
        if tried >= len(poses) / 2 and _cost(best) > _HOPELESS * limit:
            break
        if tried >= _ENOUGH and _cost(best) < limit and minima and minima[-1].one_stands_out():
            break
    return best._replace(starts=tried)


def _gone_on(request, estimate, minima):
    """Take an Estimate of the coarsest level through the others; None where it is not worth it."""
    for level in range(1, request.config.search_levels):
        if not minima[level - 1].is_worthwhile(estimate):
            return None
        pose, steps = estimate.ct_from_reference, estimate.steps
        estimate = descend(request, range(level, level + 1), pose, steps)
    return estimate


def _is_verified(request, estimate):
    return _cost(estimate) < request.config.gate.verified_cost


def _cost(estimate):
    """Return the cost; infinity for one that is not a number."""
    return estimate.model.cost if math.isfinite(estimate.model.cost) else math.inf


def descend(request, indices, pose, steps=0):
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
