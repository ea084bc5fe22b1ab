"""
The default method: untrained spherical similarity, Levenberg-Marquardt over a pyramid.

A given start runs through the search levels first.  Where its cost does not verify it, or there is
none, many poses are shifted into place by template matching and ranked (`search/`).  They are
tried in that order, a few at a time at the coarsest level, the best of them at the other search
levels, until one is verified.  The finer levels run once, from the best.
"""

import math

from surgical_perception.geometry import se3
from xray_registration.methods.request import Estimate
from xray_registration.search.hypotheses import ranked
from xray_registration.search.minima import Minima
from xray_registration.solvers.levenberg_marquardt import minimise

# Poses that are compared at the coarsest level before the best of them go on.
_AT_ONCE = 4

# The largest share of poses that go on to the other search levels: without a limit an X-ray of
# somebody else would take several times as long as with it.
_GO_ON = 0.5


def estimate_lm(request):
    """Run the method on a Request; return an Estimate."""
    config = request.config
    best = _search(request)
    fine = range(config.search_levels, len(config.levels))
    if not fine:
        return best
    refined = _descend(request, fine, best.ct_from_reference, best.steps)
    return refined._replace(starts=best.starts)


def _search(request):
    """Return the first verified Estimate of the last search level, else that of lowest cost."""
    config = request.config
    minima = Minima(request.isocentre_m)
    best, tried = None, 0
    if request.start is not None:
        coarse = _descend(request, range(1), se3.inverse(request.start))
        minima.is_worthwhile(coarse)
        best, tried = _gone_on(request, coarse), 1
        if config.init == 'start' or _is_done(request, best):
            return best
    poses = ranked(request)[: config.multistart.max_starts - tried]
    left_to_go_on = math.ceil(_GO_ON * len(poses))
    for first in range(0, len(poses), _AT_ONCE):
        batch = [_descend(request, range(1), pose) for pose in poses[first : first + _AT_ONCE]]
        tried += len(batch)
        for coarse in sorted(batch, key=_cost):
            if left_to_go_on == 0 or not minima.is_worthwhile(coarse):
                continue
            left_to_go_on -= 1
            candidate = _gone_on(request, coarse)
            if best is None or _cost(candidate) < _cost(best):
                best = candidate
            if _is_done(request, best):
                return best._replace(starts=tried)
    return best._replace(starts=tried)


def _gone_on(request, coarse):
    """Take an Estimate of the coarsest level through the other search levels."""
    further = range(1, request.config.search_levels)
    if not further:
        return coarse
    return _descend(request, further, coarse.ct_from_reference, coarse.steps)


def _is_done(request, best):
    return _cost(best) < request.config.gate.verified_cost or request.interrupt()


def _cost(estimate):
    """Return the cost; infinity for one that is not a number."""
    return estimate.model.cost if math.isfinite(estimate.model.cost) else math.inf


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
