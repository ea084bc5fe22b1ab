"""The solver on problems whose answers are known without any image."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import least_squares

from surgical_perception.geometry import se3
from xray_registration.result import SolverStatus
from xray_registration.similarity.linearisation import Linearisation
from xray_registration.solvers.levenberg_marquardt import is_ill_conditioned, minimise

CENTRE = np.array([0.1, -0.05, 0.2])


class PointAlignment:
    """Align 3D points: residuals ct_from_reference p - q, with the analytic Jacobian."""

    def __init__(self, points, targets):
        self.points, self.targets = points, targets

    def moved(self, pose, xi):
        return se3.perturb(xi, pose, CENTRE)

    def evaluate(self, pose):
        residual = se3.apply(pose, self.points) - self.targets
        return SimpleNamespace(cost=0.5 * np.sum(residual**2), pose=pose)

    def linearise(self, state):
        moved = se3.apply(state.pose, self.points)
        residual = (moved - self.targets).ravel()
        rows = [np.hstack([np.eye(3), -se3.hat(p - CENTRE)]) for p in moved]
        jacobian = np.vstack(rows)
        gradient = jacobian.T @ residual
        return Linearisation(state.cost, gradient, jacobian.T @ jacobian, gradient[None])


@pytest.fixture
def alignment():
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.2, 0.2, (12, 3))
    pose = se3.exp(np.array([0.3, -0.2, 0.1, 0.9, -0.5, 0.7]))
    return PointAlignment(points, se3.apply(pose, points)), pose


def test_finds_the_pose_from_far(alignment):
    problem, pose = alignment
    solution = minimise(problem, np.eye(4), 50, 1e-9)
    assert solution.status is SolverStatus.CONVERGED
    assert np.abs(solution.state - pose).max() < 1e-8


def test_agrees_with_scipy_where_the_minimum_is_not_zero(alignment):
    problem, _ = alignment
    problem.targets = problem.targets + np.random.default_rng(1).normal(0, 0.01, (12, 3))
    ours = minimise(problem, np.eye(4), 50, 1e-9)

    def residual(xi):
        return (
            se3.apply(se3.perturb(xi, np.eye(4), CENTRE), problem.points) - problem.targets
        ).ravel()

    theirs = least_squares(residual, np.zeros(6), method='lm', xtol=1e-12, ftol=1e-12)
    assert ours.model.cost == pytest.approx(theirs.cost, rel=1e-9)


def test_never_goes_uphill(alignment):
    problem, _ = alignment
    costs = []
    evaluate = problem.evaluate

    def recorded(pose):
        state = evaluate(pose)
        costs.append(state.cost)
        return state

    problem.evaluate = recorded
    solution = minimise(problem, np.eye(4), 50, 1e-9)
    assert solution.model.cost == min(costs)
    assert solution.evaluations == len(costs)


def test_stops_at_the_largest_number_of_steps(alignment):
    solution = minimise(alignment[0], np.eye(4), 1, 1e-12)
    assert (solution.status, solution.steps) == (SolverStatus.MAX_STEPS, 1)


def test_an_interrupt_keeps_the_best_pose_so_far(alignment):
    problem, _ = alignment
    calls = iter([False, False, True])
    solution = minimise(problem, np.eye(4), 50, 1e-12, lambda: next(calls))
    assert solution.status is SolverStatus.TIMEOUT
    assert solution.model.cost < problem.evaluate(np.eye(4)).cost


def test_a_direction_without_trace_is_ill_conditioned(alignment):
    problem, _ = alignment
    line = np.linspace(-0.2, 0.2, 9)[:, None] * [1.0, 0, 0] + CENTRE
    problem.points, problem.targets = line, line + np.array([0, 0, 0.01])
    solution = minimise(problem, np.eye(4), 50, 1e-9)
    assert solution.status is SolverStatus.ILL_CONDITIONED


def test_units_do_not_decide_what_is_ill_conditioned():
    well = np.eye(6) + 0.3
    scale = np.diag([1e3, 1e3, 1e3, 1e-3, 1e-3, 1e-3])
    assert not is_ill_conditioned(scale @ well @ scale)
    assert is_ill_conditioned(np.zeros((6, 6)))


def test_not_a_number_is_named(alignment):
    problem, _ = alignment
    problem.targets = problem.targets * np.nan
    assert minimise(problem, np.eye(4), 5, 1e-9).status is SolverStatus.NON_FINITE


def test_a_wrong_derivative_ends_as_diverged(alignment):
    problem, _ = alignment
    right = problem.linearise
    problem.linearise = lambda state: right(state)._replace(gradient=-right(state).gradient)
    solution = minimise(problem, np.eye(4), 50, 1e-9)
    assert solution.status is SolverStatus.DIVERGED
    assert np.array_equal(solution.state, np.eye(4))
