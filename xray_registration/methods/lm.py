"""
The default method: untrained spherical similarity, Levenberg-Marquardt over a pyramid.

The coarse levels run from every start until one is verified by its cost; the fine levels run once,
from the best.
"""

import time
from dataclasses import dataclass

from surgical_perception.geometry import se3
from xray_registration import covariance, gate
from xray_registration.objective import LevelObjective
from xray_registration.result import Result
from xray_registration.solvers.levenberg_marquardt import Solution, minimise
from xray_registration.solvers.multistart import starts_around


@dataclass
class _Attempt:
    """One start taken through the search levels."""

    solution: Solution
    steps: int


def register_lm(views, volumes, start, config, interrupt, began):
    """Run the method; the arguments are those of `registration.register`, already checked."""
    isocentre_m = volumes.isocentre_m
    levels = [LevelObjective(views, volumes, level, config) for level in config.levels]
    search, fine = config.search_levels, range(config.search_levels, len(config.levels))
    camera_from_reference = views[0].camera_from_reference

    def solve(index, pose):
        return minimise(
            levels[index],
            pose,
            isocentre_m,
            config.levels[index].max_steps,
            levels[index].tolerance_m,
            interrupt,
        )

    best, tried = None, 0
    carm_from_ct = camera_from_reference @ start
    count = config.multistart.max_starts if config.init == 'multistart' else 1
    for ct_from_carm in starts_around(carm_from_ct, isocentre_m, config.multistart):
        pose, steps = ct_from_carm @ camera_from_reference, 0
        for index in range(search):
            solution = solve(index, pose)
            pose, steps = solution.ct_from_reference, steps + solution.steps
        tried += 1
        if best is None or solution.model.cost < best.solution.model.cost:
            best = _Attempt(solution, steps)
        if best.solution.model.cost < config.gate.verified_cost or tried == count:
            break
        if interrupt():
            break

    solution, steps = best.solution, best.steps
    for index in fine:
        solution = solve(index, solution.ct_from_reference)
        steps += solution.steps
    return _judged(
        solution,
        steps,
        tried,
        levels[search - 1],
        volumes,
        views,
        config,
        time.monotonic() - began,
    )


def _judged(solution, steps, tried, gate_level, volumes, views, config, time_s):
    """Put uncertainty and verdict beside the pose."""
    reference_from_ct = se3.inverse(solution.ct_from_reference)
    carm_from_ct = views[0].camera_from_reference @ reference_from_ct
    twist = covariance.twist_covariance(solution.model)
    sigma_mm = covariance.sigma_along_axes_mm(twist, carm_from_ct)
    match = gate_level.match(solution.ct_from_reference)
    evidence = gate.Evidence(
        solution.status, match.cost, match.similarity, sigma_mm, match.overlap
    )
    verdict, reason = gate.judge(evidence, config.gate)
    return Result(
        reference_from_ct=reference_from_ct,
        covariance=covariance.pose_covariance(twist, reference_from_ct, volumes.isocentre_m),
        sigma_mm=sigma_mm,
        verdict=verdict,
        reason=reason,
        similarity=match.similarity,
        status=solution.status,
        iterations=steps,
        starts=tried,
        time_s=time_s,
        details={'cost': match.cost, 'overlap': match.overlap},
    )
