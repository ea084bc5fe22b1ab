"""
Levenberg-Marquardt over a pose.

Each step solves (H + lambda diag H) xi = -g and moves
`ct_from_reference <- exp(xi) ct_from_reference` about the isocentre.  Scaling by diag H (Marquardt
1963) makes metres and radians comparable.  A step that lowers the cost is taken and lambda
shrinks; one that does not is tried again, shorter.  Source: Chen and Kong, WACV 2026, for the use
at inference; settings measured here.
"""

from typing import NamedTuple

import numpy as np

from surgical_perception.geometry import se3
from xray_registration.result import SolverStatus
from xray_registration.similarity.linearisation import Linearisation

_FIRST_DAMPING = 1e-3
_MIN_DAMPING = 1e-7
_SHRINK, _GROW = 6.0, 8.0
_MAX_TRIES = 6

# A step that gains a smaller share of the cost follows a flat valley that leads nowhere.
_MIN_GAIN = 1e-3

# A refused step is cut at once to a third or less: raising a tiny lambda by factors would repeat
# nearly the same step several times.
_REFUSED_DAMPING = 0.5

# A rotation counts as the motion of a point this far from the isocentre, the size of a torso.
_LEVER_M = 0.15

# Ratio of the smallest to the largest eigenvalue of the column-scaled H below which a direction
# is invisible; float32 images resolve about 1e-6.
_MIN_EIGENVALUE_RATIO = 1e-6


class Solution(NamedTuple):
    """Where the solver stopped, and why."""

    ct_from_reference: np.ndarray
    model: Linearisation
    status: SolverStatus
    steps: int
    evaluations: int


def minimise(problem, ct_from_reference, centre_m, max_steps, tolerance_m, interrupt=None):
    """
    Minimise `problem` from a start [4, 4].

    problem         has evaluate(pose) -> state with .cost, and linearise(state) -> Linearisation
    centre_m        [3] centre of rotation in `ct`
    tolerance_m     stop when the next step would move a point 0.15 m off the centre by less
    interrupt       called before each evaluation; True ends with SolverStatus.TIMEOUT
    """
    pose = ct_from_reference
    state = problem.evaluate(pose)
    model = problem.linearise(state)
    evaluations, damping, status = 1, _FIRST_DAMPING, SolverStatus.MAX_STEPS
    steps = 0
    while steps < max_steps:
        if not _is_finite(model):
            status = SolverStatus.NON_FINITE
            break
        if is_ill_conditioned(model.hessian):
            status = SolverStatus.ILL_CONDITIONED
            break
        for _ in range(_MAX_TRIES):
            if interrupt and interrupt():
                return Solution(pose, model, SolverStatus.TIMEOUT, steps, evaluations)
            xi = _damped_step(model, damping)
            if np.linalg.norm(xi[3:]) * _LEVER_M + np.linalg.norm(xi[:3]) < tolerance_m:
                return Solution(pose, model, SolverStatus.CONVERGED, steps, evaluations)
            trial = se3.perturb(xi, pose, centre_m)
            state = problem.evaluate(trial)
            evaluations += 1
            if state.cost < model.cost:
                break
            damping = max(damping * _GROW, _REFUSED_DAMPING)
        else:
            status = SolverStatus.DIVERGED
            break
        gain = 1 - state.cost / model.cost
        pose, steps = trial, steps + 1
        model = problem.linearise(state)
        if gain < _MIN_GAIN:
            status = SolverStatus.CONVERGED
            break
        damping = max(damping / _SHRINK, _MIN_DAMPING)
    return Solution(pose, model, status, steps, evaluations)


def is_ill_conditioned(hessian):
    """Whether a direction of the pose leaves no trace in the images."""
    scale = np.sqrt(np.maximum(np.diag(hessian), 0))
    if not (np.isfinite(hessian).all() and (scale > 0).all()):
        return True
    eigenvalues = np.linalg.eigvalsh(hessian / np.outer(scale, scale))
    return eigenvalues[0] < _MIN_EIGENVALUE_RATIO * eigenvalues[-1]


def _damped_step(model, damping):
    damped = model.hessian + damping * np.diag(np.diag(model.hessian))
    return -np.linalg.solve(damped, model.gradient)


def _is_finite(model):
    return np.isfinite(model.cost) and np.isfinite(model.hessian).all()
