"""
The intensity-based registration of xReg: CMA-ES on a coarse image, then BOBYQA on a finer one.

Both minimise C(T(x)) over a twist x [6] about the isocentre in the first camera's axes.  C is
1 - gradient NCC, the mean over the two image derivatives (and over views) of the correlation of
X-ray and DRR.  The population is wide: the start need not be near.

Source: Grupp et al., "Pose estimation of periacetabular osteotomy fragments with intraoperative
X-ray navigation", IEEE TBME 67:441, 2020, and "Automatic annotation of hip anatomy in fluoroscopy
for robust and efficient 2D/3D registration", IJCARS 15:759, 2020.  There gradients are correlated
in patches, and the images are an eighth and a quarter of 1536 pixels, on a GPU.  The sizes here
and the ends of both searches are our choice: a CPU has to hold the time limit.
"""

import numpy as np

from surgical_perception.geometry import se3
from xray_registration.config import PyramidLevel
from xray_registration.objective import LevelObjective
from xray_registration.result import SolverStatus
from xray_registration.solvers.derivative_free import bobyqa, cma_es

_COARSE = PyramidLevel(64, 5.6, 'gradient_ncc', 0, patch=7)
# At 128 pixels the minimum itself lies up to 1.7 mm beside the truth.
_FINE = PyramidLevel(256, 1.4, 'gradient_ncc', 0, patch=7)

# Standard deviations of the first population, and half widths of BOBYQA's box: right, down and
# depth (m), then turns about these axes (rad).
_SIGMA = np.r_[np.array([50, 50, 100]) * 1e-3, np.deg2rad([15, 15, 30])]
_BOX = np.r_[np.array([5, 5, 10]) * 1e-3, np.deg2rad([2.5, 2.5, 2.5])]

_POPULATION, _MAX_GENERATIONS = 100, 100
# The population ends well within BOBYQA's box: 0.3 degrees, 1 mm, 2 mm in depth.
_TOLERANCE_X, _TOLERANCE_COST = 0.02, 1e-3
# Shares of the box; the last is 5 micrometres, a thousandth of a degree.
_FIRST_RADIUS, _LAST_RADIUS = 0.2, 1e-3
_MAX_EVALUATIONS = 200


def estimate(request):
    """Run the method on a Request; return an Estimate.  Raises InputError without a start."""
    wide = _Search(request, _COARSE, request.required_start(), _SIGMA)
    found = cma_es(
        wide.cost,
        _POPULATION,
        _TOLERANCE_X,
        _TOLERANCE_COST,
        _POPULATION * _MAX_GENERATIONS,
        request.interrupt,
    )
    pose = wide.pose(found.x)
    if found.status is SolverStatus.TIMEOUT:
        return request.estimate_at(pose, found.status, found.evaluations)
    near = _Search(request, _FINE, pose, _BOX)
    refined = bobyqa(
        near.cost, 1.0, _FIRST_RADIUS, _LAST_RADIUS, _MAX_EVALUATIONS, request.interrupt
    )
    evaluations = found.evaluations + refined.evaluations
    return request.estimate_at(near.pose(refined.x), refined.status, evaluations)


class _Search:
    """Poses and costs around one of them, in units of a search's own."""

    def __init__(self, request, level, ct_from_reference, units):
        self._objective = LevelObjective(request.views, request.volumes, level, request.config)
        self._objective.focus(ct_from_reference)
        self._camera_from_reference, self._units = request.camera_from_reference, units
        self._camera_from_ct = self._camera_from_reference @ se3.inverse(ct_from_reference)
        self._centre = se3.apply(self._camera_from_ct, request.isocentre_m)

    def pose(self, x):
        """Return ct_from_reference [4, 4] at x [6]."""
        camera_from_ct = se3.perturb(self._units * x, self._camera_from_ct, self._centre)
        return se3.inverse(camera_from_ct) @ self._camera_from_reference

    def cost(self, x):
        """Return the cost at x [6]."""
        return self._objective.evaluate(self.pose(x), 'none').cost
