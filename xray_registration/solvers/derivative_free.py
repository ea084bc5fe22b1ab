"""
Optimisers that know the cost alone, over six numbers around zero.

BOBYQA interpolates the cost by a quadratic within a trust region that shrinks (Powell, report
DAMTP 2009/NA06; Cartis et al., ACM TOMS 45:32, 2019, for Py-BOBYQA).  CMA-ES draws populations
from a Gaussian and adapts its covariance to the better half (Hansen and Ostermeier, Evolutionary
Computation 9:159, 2001; library `cma`).
"""

from importlib import import_module
from typing import NamedTuple

import numpy as np

from surgical_perception.errors import InputError
from xray_registration.result import SolverStatus

_SIZE = 6

# Stands for a cost that is not a number: either library would stop or sort wrongly.
_WORST = 1e6


class Optimised(NamedTuple):
    """The best numbers [6] that were tried, how the search ended, and how long it was."""

    x: np.ndarray
    status: SolverStatus
    evaluations: int


def bobyqa(cost, bound, first_radius, last_radius, max_evaluations, interrupt):
    """
    Minimise cost(x) over x [6] from 0, each number within +-bound; return Optimised.

    first_radius, last_radius   of the trust region, in the units of x
    interrupt                   called before each evaluation; True ends with TIMEOUT

    Raises InputError where Py-BOBYQA is not installed.
    """
    library = _imported('pybobyqa', 'Py-BOBYQA')
    watched = _Watched(cost, interrupt)
    try:
        solution = library.solve(
            watched,
            np.zeros(_SIZE),
            bounds=(np.full(_SIZE, -bound), np.full(_SIZE, bound)),
            rhobeg=first_radius,
            rhoend=last_radius,
            maxfun=max_evaluations,
            do_logging=False,
        )
    except _Interrupted:
        return watched.optimised(SolverStatus.TIMEOUT)
    ended = {
        solution.EXIT_SUCCESS: SolverStatus.CONVERGED,
        solution.EXIT_MAXFUN_WARNING: SolverStatus.MAX_STEPS,
    }
    return watched.optimised(ended.get(solution.flag, SolverStatus.DIVERGED))


def cma_es(cost, population, tolerance_x, tolerance_cost, max_evaluations, interrupt):
    """
    Minimise cost(x) over x [6] from 0 with a standard deviation of 1 each; return Optimised.

    tolerance_x, tolerance_cost     the search ends where the population has shrunk to either
    interrupt                       called before each evaluation; True ends with TIMEOUT

    The same call draws the same numbers.  Raises InputError where cma is not installed.
    """
    library = _imported('cma', 'cma')
    rng = np.random.default_rng(0)
    options = {
        'popsize': population,
        'tolx': tolerance_x,
        'tolfun': tolerance_cost,
        'maxiter': max_evaluations // population,
        # Numbers of its own: a seed would be that of every other caller in this process.
        'randn': lambda *shape: rng.standard_normal(shape),
        'seed': np.nan,
        'verbose': -9,
    }
    strategy = library.CMAEvolutionStrategy(np.zeros(_SIZE), 1.0, options)
    watched = _Watched(cost, interrupt)
    try:
        while not strategy.stop():
            drawn = strategy.ask()
            strategy.tell(drawn, [watched(x) for x in drawn])
    except _Interrupted:
        return watched.optimised(SolverStatus.TIMEOUT)
    exhausted = 'maxiter' in strategy.stop()
    return watched.optimised(SolverStatus.MAX_STEPS if exhausted else SolverStatus.CONVERGED)


class _Interrupted(Exception):
    """The way out of a library that cannot be stopped otherwise."""


class _Watched:
    """A cost that remembers the best numbers, and ends the search when it is interrupted."""

    def __init__(self, cost, interrupt):
        self._cost, self._interrupt = cost, interrupt
        self._best, self._lowest, self._evaluations = np.zeros(_SIZE), np.inf, 0

    def __call__(self, x):
        if self._interrupt():
            raise _Interrupted
        value = self._cost(x)
        value = value if np.isfinite(value) else _WORST
        self._evaluations += 1
        if value < self._lowest:
            self._best, self._lowest = np.array(x), value
        return value

    def optimised(self, status):
        """Return the Optimised so far."""
        return Optimised(self._best, status, self._evaluations)


def _imported(module, package):
    try:
        return import_module(module)
    except ImportError:
        raise InputError(
            f"this method needs {package}: pip install 'surgical_perception[methods]'"
        ) from None
