"""An Estimate from what networks see of the CT in the X-rays."""

from surgical_perception.geometry import se3
from surgical_perception.geometry.frames import carm_from_ct_at
from xray_registration.methods.pnp import NoPose, Sighting, pose_from_sightings
from xray_registration.result import SolverStatus


def estimated(request, network):
    """
    Return the Estimate of the points that a network sees in every view; no start is used.

    network     with sighting(View) -> (points in `ct` [N, 3] (m), pixels [N, 2], sigma_px [N])

    Where they determine no pose, it is the first standard position and DIVERGED.
    """
    sightings, status = [], SolverStatus.CONVERGED
    for view in request.views:
        sightings.append(Sighting(*network.sighting(view)))
        if request.interrupt():
            status = SolverStatus.TIMEOUT
    try:
        found = pose_from_sightings(request.views, sightings)
    except NoPose:
        return request.estimate_at(_nominal(request), SolverStatus.DIVERGED, 0)
    return request.estimate_at(se3.inverse(found.reference_from_ct), status, found.steps)


def _nominal(request):
    """Return ct_from_reference [4, 4] with the first view's C-arm in its first position."""
    config = request.config
    distance_m = 1e-3 * config.source_to_isocentre_mm
    carm_from_ct = carm_from_ct_at(config.positions[0], request.isocentre_m, distance_m)
    return se3.inverse(carm_from_ct) @ request.camera_from_reference
