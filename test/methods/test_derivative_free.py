"""The optimisers that know costs only, on costs whose minimum is known."""

import sys

import numpy as np
import pytest

from surgical_perception.errors import InputError
from xray_registration.result import SolverStatus
from xray_registration.solvers.derivative_free import bobyqa, cma_es

MINIMUM = np.array([0.5, -1.0, 0.3, 1.2, -0.4, 0.1])
SCALES = np.array([1.0, 3.0, 0.5, 2.0, 1.0, 4.0])


def quadratic(x):
    return 0.7 + float(np.square(SCALES * (x - MINIMUM)).sum())


def wavy(x):
    """A bowl with a local minimum in every direction, each half a unit from the next."""
    return float(np.square(x - MINIMUM).sum() - 0.2 * np.cos(4 * np.pi * (x - MINIMUM)).sum())


def never():
    return False


def by_bobyqa(cost, evaluations=400, interrupt=never):
    return bobyqa(cost, 5.0, 0.5, 1e-6, evaluations, interrupt)


def by_cma(cost, evaluations=20_000, interrupt=never):
    return cma_es(cost, 30, 1e-6, 1e-12, evaluations, interrupt)


SOLVERS = pytest.mark.parametrize('minimise', [by_bobyqa, by_cma])


@SOLVERS
def test_the_minimum_of_a_quadratic_is_found(minimise):
    found = minimise(quadratic)
    assert found.status is SolverStatus.CONVERGED
    np.testing.assert_allclose(found.x, MINIMUM, atol=1e-4)


def test_a_population_sees_past_local_minima():
    np.testing.assert_allclose(by_cma(wavy).x, MINIMUM, atol=1e-3)
    assert wavy(by_bobyqa(wavy).x) > wavy(MINIMUM) + 0.1


@SOLVERS
def test_evaluations_are_bounded(minimise):
    found = minimise(wavy, 70)
    assert found.status is SolverStatus.MAX_STEPS
    assert 40 < found.evaluations <= 70


@SOLVERS
def test_an_interruption_keeps_the_best_so_far(minimise):
    seen = []

    def cost(x):
        seen.append((quadratic(x), x.copy()))
        return seen[-1][0]

    found = minimise(cost, interrupt=lambda: len(seen) == 25)
    assert found.status is SolverStatus.TIMEOUT
    assert found.evaluations == 25
    np.testing.assert_array_equal(found.x, min(seen, key=lambda pair: pair[0])[1])


@SOLVERS
def test_the_same_numbers_are_drawn_and_nobody_elses(minimise, monkeypatch):
    def drawn(*args, **kwargs):
        raise AssertionError('the numbers of the whole process were drawn from')

    for name in ('seed', 'randn', 'rand', 'normal', 'standard_normal'):
        monkeypatch.setattr(np.random, name, drawn)
    np.testing.assert_array_equal(minimise(wavy, 300).x, minimise(wavy, 300).x)


@SOLVERS
def test_a_cost_that_is_no_number_is_the_worst(minimise):
    found = minimise(lambda x: quadratic(x) if x[0] < 0.6 else float('nan'))
    assert quadratic(found.x) < 0.8


def test_bounds_hold():
    found = bobyqa(lambda x: float(-x.sum()), 0.3, 0.1, 1e-4, 200, never)
    np.testing.assert_allclose(found.x, np.full(6, 0.3), atol=1e-3)


@pytest.mark.parametrize(
    'minimise, module, package', [(by_bobyqa, 'pybobyqa', 'Py-BOBYQA'), (by_cma, 'cma', 'cma')]
)
def test_a_library_that_is_absent_is_named(monkeypatch, minimise, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=f'needs {package}: pip install'):
        minimise(quadratic)
