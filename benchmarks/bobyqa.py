"""Comparator: BOBYQA, a derivative-free optimiser, on the costs of our own pyramid."""

from typing import NamedTuple

import numpy as np

from surgical_perception.geometry import se3
from xray_registration.objective import LevelObjective

# One unit of each variable moves bone by about 1 mm: 1 mm, and 1 mm at 150 mm from the isocentre.
_UNITS = np.r_[[1e-3] * 3, [1e-3 / 0.15] * 3]
# First and last trust radius in those units; level by level it is halved, like the pixels.
_FIRST_RADIUS, _LAST_RADIUS = 8.0, 0.2
_BOUND = 60.0
_MAX_EVALUATIONS = 150


class Optimised(NamedTuple):
    """Where BOBYQA ended and how many renderings it took."""

    ct_from_reference: np.ndarray
    evaluations: int


def optimise(views, volumes, ct_from_reference, config):
    """
    Minimise the costs of a RegistrationConfig's levels, coarse to fine, from a start [4, 4].

    Source: Cartis et al., "Improving the flexibility and robustness of model-based
    derivative-free optimization solvers", ACM TOMS 2019 (Py-BOBYQA).
    """
    import pybobyqa

    evaluations = 0
    for number, level in enumerate(config.levels):
        objective = LevelObjective(views, volumes, level, config)

        def pose(x, base=ct_from_reference):
            return se3.perturb(x * _UNITS, base, volumes.isocentre_m)

        def cost(x, objective=objective, pose=pose):
            return objective.evaluate(pose(x), jacobian='none').cost

        solution = pybobyqa.solve(
            cost,
            np.zeros(6),
            bounds=(np.full(6, -_BOUND), np.full(6, _BOUND)),
            rhobeg=_FIRST_RADIUS / 2**number,
            rhoend=_LAST_RADIUS / 2**number,
            maxfun=_MAX_EVALUATIONS,
            do_logging=False,
        )
        evaluations += solution.nf
        ct_from_reference = pose(solution.x)
    return Optimised(ct_from_reference, evaluations)
