"""
Direct regression: the pose that a trained network sees in one X-ray, and nothing after it.

T = f(I), f a residual network that was trained on DRRs of the CT (learned/regressor.py); no start
is used.  Of several views each gives a pose, and the one that explains all of them best counts:
that of the lowest mean cost at the coarsest level.

Source: Kendall et al., "PoseNet: a convolutional network for real-time 6-DOF camera
relocalization", ICCV 2015; Bui et al., "X-ray PoseNet: 6 DoF pose estimation for mobile X-ray
devices", WACV 2017.
"""

from surgical_perception.geometry import se3
from xray_registration.result import SolverStatus


def estimate(request):
    """Run the method on a Request; return an Estimate."""
    pose = seen_pose(request)
    status = SolverStatus.TIMEOUT if request.interrupt() else SolverStatus.CONVERGED
    return request.estimate_at(pose, status, 0)


def seen_pose(request):
    """Return the ct_from_reference [4, 4] that the regressor of a Request sees."""
    network, coarsest = request.volumes.networks['regressor'], request.levels[0]
    found = []
    for view in request.views:
        pose = se3.inverse(network.start(view, request.isocentre_m))
        coarsest.focus(pose)
        found.append((coarsest.evaluate(pose, 'none').cost, pose))
        if request.interrupt():
            break
    return min(found, key=lambda seen: seen[0])[1]
