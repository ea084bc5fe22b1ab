"""
Gradient descent with momentum over a pose.

v <- m v - r(k) U^2 g and T <- exp(v) T, about the isocentre in `ct` axes: g is the gradient by a
twist, r(k) the rate at step k, and U makes a radian weigh as much as the length that a point of
the body moves by.  The lowest cost on the way is kept.

Source: Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
"""

from typing import NamedTuple

import numpy as np

from xray_registration.result import SolverStatus

_MOMENTUM = 0.9

# A point at the surface of a torso is this far from the isocentre.
_LEVER_M = 0.15
_UNITS = np.r_[[_LEVER_M] * 3, [1.0] * 3]

# Momentum overshoots and comes back within twenty steps or so; a cost that has not fallen for
# longer has settled, though the rate may keep the pose in motion.
_PATIENCE_STEPS, _PATIENCE_SHARE = 25, 1e-3


class Optimised(NamedTuple):
    """The best pose [4, 4] on the way, how the way ended, and how long it was."""

    ct_from_reference: np.ndarray
    status: SolverStatus
    steps: int


def minimise(problem, ct_from_reference, rate, max_steps, interrupt):
    """
    Minimise `problem` from a start [4, 4]; return Optimised.

    problem     has evaluate(pose) -> something with .cost, linearise(that) -> Linearisation,
                moved(pose, xi) -> pose, and tolerance_m, below which a step ends the descent
    rate        (number of the step) -> rate, in units of the cost by a radian and 0.15 m
    interrupt   called before each step; True ends with TIMEOUT
    """
    pose, velocity = ct_from_reference, np.zeros(6)
    best, lowest, settled = pose, np.inf, 0
    for step in range(max_steps):
        if interrupt():
            return Optimised(best, SolverStatus.TIMEOUT, step)
        model = problem.linearise(problem.evaluate(pose))
        if not (np.isfinite(model.cost) and np.isfinite(model.gradient).all()):
            return Optimised(best, SolverStatus.NON_FINITE, step)
        settled = 0 if model.cost < (1 - _PATIENCE_SHARE) * lowest else settled + 1
        if model.cost < lowest:
            best, lowest = pose, model.cost
        if settled == _PATIENCE_STEPS:
            return Optimised(best, SolverStatus.CONVERGED, step)
        velocity = _MOMENTUM * velocity - rate(step) * _UNITS * model.gradient
        length_m = _LEVER_M * (np.linalg.norm(velocity[:3]) + np.linalg.norm(velocity[3:]))
        if length_m < problem.tolerance_m:
            return Optimised(best, SolverStatus.CONVERGED, step)
        pose = problem.moved(pose, _UNITS * velocity)
    return Optimised(best, SolverStatus.MAX_STEPS, max_steps)
