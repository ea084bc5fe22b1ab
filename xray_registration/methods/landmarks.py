"""
Landmarks: points of the CT that a trained network finds in the X-rays, then their pose.

No start is used and nothing is compared with a DRR, so the pose is as good as the points are: a
start for `lm` rather than its end.

Source: Grupp et al., Int. J. CARS 2020 (DFLNet: landmarks of the hip by a U-Net, then PnP).
"""

import numpy as np

from surgical_perception.errors import InputError
from xray_registration.methods.pnp import Sighting, pose_from_sightings
from xray_registration.methods.sighted import estimated

# How sure a hand is, as a share of the image's longer side: a bone's landmark is no sharp point.
_SIGMA_SHARE = 0.005


def estimate(request):
    """Run the method on a Request; return an Estimate."""
    return estimated(request, request.volumes.networks['landmarks'])


def pose_from_landmarks(views, pixels, points_m):
    """
    Return the PointPose of landmarks that were found by other means, such as by hand.

    views       Views, of which camera and camera_from_reference count
    pixels      for each view {name: (u, v)} of the landmarks that it shows
    points_m    {name: [3] in `ct` (m)}, such as `load_landmarks` reads

    A mark is right up to a hundredth or two of the image.  Raises InputError for a name without
    a point, and NoPose where the points tell no pose.
    """
    if unknown := sorted({name for seen in pixels for name in seen} - set(points_m)):
        raise InputError(
            f'no point in the CT is named {", ".join(unknown)}: give it, or leave out'
        )
    sightings = [
        Sighting(
            np.array([points_m[name] for name in seen], float).reshape(-1, 3),
            np.array(list(seen.values()), float).reshape(-1, 2),
            np.full(len(seen), _SIGMA_SHARE * max(view.image.shape)),
        )
        for view, seen in zip(views, pixels, strict=True)
    ]
    return pose_from_sightings(views, sightings)
