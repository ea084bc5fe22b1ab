"""
Levenberg-Marquardt over a pose, or a pose and more.

Each step solves (H + lambda diag H) xi = -g and moves the state by xi, whose first six elements
are a twist.  Scaling by diag H (Marquardt 1963) makes metres and radians comparable.  A step that
lowers the cost is taken and lambda shrinks; one that does not is tried again, shorter.  Source:
Chen and Kong, WACV 2026, for the use at inference; settings measured here.
"""

from typing import NamedTuple

import numpy as np

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

    state: object
    model: Linearisation
    status: SolverStatus
    steps: int
    evaluations: int


def minimise(problem, start, max_steps, tolerance_m, interrupt=None):
    """
    Minimise `problem` from a start, which is a pose [4, 4] or what else the problem can move.

    problem         has evaluate(state) -> something with .cost, linearise(that) -> Linearisation,
                    and moved(state, xi) -> state
    tolerance_m     stop when the next step would move a point 0.15 m off the centre by less
    interrupt       called before each evaluation; True ends with SolverStatus.TIMEOUT
    """
    state = start
    evaluated = problem.evaluate(state)
    model = problem.linearise(evaluated)
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
                return Solution(state, model, SolverStatus.TIMEOUT, steps, evaluations)
            xi = _damped_step(model, damping)
            if np.linalg.norm(xi[3:6]) * _LEVER_M + np.linalg.norm(xi[:3]) < tolerance_m:
                return Solution(state, model, SolverStatus.CONVERGED, steps, evaluations)
            trial = problem.moved(state, xi)
            evaluated = problem.evaluate(trial)
            evaluations += 1
            if evaluated.cost < model.cost:
                break
            damping = max(damping * _GROW, _REFUSED_DAMPING)
        else:
            status = SolverStatus.DIVERGED
            break
        gain = 1 - evaluated.cost / model.cost
        state, steps = trial, steps + 1
        model = problem.linearise(evaluated)
        if gain < _MIN_GAIN:
            status = SolverStatus.CONVERGED
            break
        damping = max(damping / _SHRINK, _MIN_DAMPING)
    return Solution(state, model, status, steps, evaluations)


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
