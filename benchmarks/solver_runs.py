"""Each solver on one level's cost: (objective, pose, PyramidLevel) -> (pose, evaluations)."""

import numpy as np
from scipy.optimize import minimize

from xray_registration.methods.diffpose import left_jacobian
from xray_registration.solvers import adam, levenberg_marquardt, momentum
from xray_registration.solvers.adam import motion

# Rate of gradient descent in the units of solvers/momentum.py, falling by a tenth every ten steps.
_RATE, _DECAY, _DECAY_STEPS, _MAX_STEPS = 0.01, 0.9, 10, 200

# One unit of L-BFGS's variables moves bone by about a millimetre.
_UNITS = np.r_[[1e-3 / 0.15] * 3, [1.0] * 3]


class Chart:
    """A level's cost by (rotation vector in rad, translation in mm) from a start [4, 4]."""

    def __init__(self, objective, start):
        self._objective, self._start = objective, start
        self.evaluations = 0

    def pose(self, rotation, translation_mm):
        """Return the pose [4, 4]."""
        return motion(rotation, translation_mm, self._objective.isocentre_m) @ self._start

    def loss_and_gradient(self, rotation, translation_mm):
        """Return the cost and its gradient [6] by rotation and translation."""
        self.evaluations += 1
        objective = self._objective
        model = objective.linearise(objective.evaluate(self.pose(rotation, translation_mm)))
        by_shift, by_turn = model.gradient[:3], model.gradient[3:6]
        # Twists turn about the isocentre, rotation vectors about where it has moved to.
        by_turn = by_turn - np.cross(1e-3 * translation_mm, by_shift)
        return model.cost, np.r_[left_jacobian(rotation).T @ by_turn, 1e-3 * by_shift]


def _levenberg_marquardt(objective, pose, level):
    found = levenberg_marquardt.minimise(objective, pose, level.max_steps, objective.tolerance_m)
    return found.state, found.evaluations


def _gradient_descent(objective, pose, level):
    found = momentum.minimise(
        objective, pose, lambda step: _RATE * _DECAY ** (step // _DECAY_STEPS), _MAX_STEPS, _never
    )
    return found.ct_from_reference, found.steps


def _adam(objective, pose, level):
    chart = Chart(objective, pose)
    found = adam.minimise(chart.loss_and_gradient, pose, objective.isocentre_m, _never)
    return found.ct_from_reference, chart.evaluations


def _lbfgs(objective, pose, level):
    chart = Chart(objective, pose)

    def scaled(x):
        loss, gradient = chart.loss_and_gradient((_UNITS * x)[:3], (_UNITS * x)[3:])
        return loss, _UNITS * gradient

    found = minimize(scaled, np.zeros(6), jac=True, method='L-BFGS-B')
    return chart.pose((_UNITS * found.x)[:3], (_UNITS * found.x)[3:]), chart.evaluations


def _never():
    return False


SOLVERS = {
    'Levenberg-Marquardt': _levenberg_marquardt,
    'gradient descent': _gradient_descent,
    'Adam': _adam,
    'L-BFGS': _lbfgs,
}
