"""
The default method: untrained spherical similarity, Levenberg-Marquardt over a pyramid.

The search levels run from every start until one is verified by its cost; the finer levels run
once, from the best.
"""

from xray_registration.methods.request import Estimate
from xray_registration.solvers.levenberg_marquardt import minimise
from xray_registration.solvers.multistart import starts_around


def estimate_lm(request):
    """Run the method on a Request; return an Estimate."""
    config = request.config
    search = range(config.search_levels)
    fine = range(config.search_levels, len(config.levels))

    best, starts = None, 0
    for pose in _starts(request):
        candidate = _descend(request, search, pose)
        starts += 1
        if best is None or candidate.model.cost < best.model.cost:
            best = candidate
        if best.model.cost < config.gate.verified_cost or request.interrupt():
            break

    if not fine:
        return best._replace(starts=starts)
    refined = _descend(request, fine, best.ct_from_reference)
    return refined._replace(steps=best.steps + refined.steps, starts=starts)


def _starts(request):
    """Yield ct_from_reference [4, 4] of every start."""
    config = request.config
    count = config.multistart.max_starts if config.init == 'multistart' else 1
    carm_from_ct = request.camera_from_reference @ request.start
    for ct_from_carm in starts_around(carm_from_ct, request.isocentre_m, config.multistart, count):
        yield ct_from_carm @ request.camera_from_reference


def _descend(request, indices, pose):
    """Minimise level after level from a pose; return the Estimate of the last."""
    steps = 0
    for index in indices:
        objective = request.levels[index]
        solution = minimise(
            objective,
            pose,
            request.isocentre_m,
            request.config.levels[index].max_steps,
            objective.tolerance_m,
            request.interrupt,
        )
        pose, steps = solution.ct_from_reference, steps + solution.steps
    return Estimate(pose, solution.model, solution.status, steps, 1)
