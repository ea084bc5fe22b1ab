"""
BOBYQA on the costs of the pyramid: the default method without its derivatives.

Level by level, coarse to fine, BOBYQA minimises C(exp(x) T) over a twist x [6] about the
isocentre in `ct` axes, C being the mean over views of the level's cost (1 - NCC on the sphere) and
T the pose that the level before has reached.

Source: Powell, "The BOBYQA algorithm for bound constrained optimization without derivatives",
report DAMTP 2009/NA06; radii and evaluations are our choice.
"""

import numpy as np

from surgical_perception.geometry import se3
from xray_registration.result import SolverStatus
from xray_registration.solvers.derivative_free import bobyqa

# One unit of each variable moves bone by about 1 mm: 1 mm, and 1 mm at 150 mm from the isocentre.
_UNITS = np.r_[[1e-3] * 3, [1e-3 / 0.15] * 3]
# First and last trust radius in those units; level by level it is halved, like the pixels.
_FIRST_RADIUS, _LAST_RADIUS = 8.0, 0.2
_BOUND = 60.0
_MAX_EVALUATIONS = 150


def estimate(request):
    """Run the method on a Request; return an Estimate.  Raises InputError without a start."""
    base, evaluations = request.required_start(), 0
    for number, objective in enumerate(request.levels):
        objective.focus(base)

        def pose(x, base=base):
            return se3.perturb(x * _UNITS, base, request.isocentre_m)

        def cost(x, objective=objective, pose=pose):
            return objective.evaluate(pose(x), 'none').cost

        found = bobyqa(
            cost,
            _BOUND,
            _FIRST_RADIUS / 2**number,
            _LAST_RADIUS / 2**number,
            _MAX_EVALUATIONS,
            request.interrupt,
        )
        base, evaluations = pose(found.x), evaluations + found.evaluations
        if found.status is SolverStatus.TIMEOUT:
            break
    return request.estimate_at(base, found.status, evaluations)
