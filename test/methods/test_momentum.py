"""Gradient descent with momentum, on costs whose minimum is known."""

from types import SimpleNamespace

import numpy as np
import pytest

from surgical_perception.geometry import se3
from xray_registration.result import SolverStatus
from xray_registration.solvers.momentum import minimise

TRUTH = se3.exp(np.array([0.02, -0.01, 0.03, 0.1, -0.05, 0.08]))
LEVER_M = 0.15


class Bowl:
    """Half the squared twist to the truth, a radian being as far as 0.15 m."""

    tolerance_m = 1e-5

    def evaluate(self, pose):
        apart = se3.log(pose @ se3.inverse(TRUTH)) / np.r_[[LEVER_M] * 3, [1] * 3]
        return SimpleNamespace(cost=0.5 * float(apart @ apart), apart=apart)

    def linearise(self, evaluated):
        gradient = evaluated.apart / np.r_[[LEVER_M] * 3, [1] * 3]
        return SimpleNamespace(cost=evaluated.cost, gradient=gradient)

    def moved(self, pose, xi):
        return se3.exp(xi) @ pose


class Broken(Bowl):
    def linearise(self, evaluated):
        return SimpleNamespace(cost=float('nan'), gradient=np.zeros(6))


def steadily(step):
    return 0.1


def never():
    return False


def test_the_first_step_is_the_rate_times_the_gradient_alike_for_turns_and_shifts():
    poses = []

    class Watched(Bowl):
        def evaluate(self, pose):
            poses.append(pose)
            return super().evaluate(pose)

    minimise(Watched(), np.eye(4), steadily, 2, never)
    xi = se3.log(poses[1])
    # Exact but for the curvature of the group.
    np.testing.assert_allclose(xi, 0.1 * se3.log(TRUTH), rtol=0.1, atol=2e-4)


def test_the_minimum_is_found():
    """At (1 - sqrt 0.9)^2, the largest rate at which this momentum does not overshoot."""
    found = minimise(Bowl(), np.eye(4), lambda step: 2.6e-3, 500, never)
    assert found.status is SolverStatus.CONVERGED
    np.testing.assert_allclose(found.ct_from_reference, TRUTH, atol=1e-3)


def test_momentum_is_faster_than_the_rate_alone():
    """Without it, 40 steps of a hundredth would leave two thirds of the way."""
    found = minimise(Bowl(), np.eye(4), lambda step: 0.01, 40, never)
    assert Bowl().evaluate(found.ct_from_reference).cost < 0.01 * Bowl().evaluate(np.eye(4)).cost


def test_the_best_on_the_way_is_kept():
    found = minimise(Bowl(), TRUTH, lambda step: 50.0 if step else 0.0, 6, never)
    np.testing.assert_allclose(found.ct_from_reference, TRUTH, atol=1e-9)


def test_a_rate_that_keeps_the_pose_in_motion_ends_by_patience():
    found = minimise(Bowl(), TRUTH @ se3.exp(np.full(6, 0.01)), lambda step: 3.9, 500, never)
    assert found.status is SolverStatus.CONVERGED
    assert found.steps < 100


@pytest.mark.parametrize(
    'problem, interrupt, status',
    [
        (Bowl(), never, SolverStatus.MAX_STEPS),
        (Bowl(), lambda: True, SolverStatus.TIMEOUT),
        (Broken(), never, SolverStatus.NON_FINITE),
    ],
)
def test_it_says_how_it_ended(problem, interrupt, status):
    found = minimise(problem, np.eye(4), steadily, 3, interrupt)
    assert found.status is status
    assert found.steps == (3 if status is SolverStatus.MAX_STEPS else 0)
