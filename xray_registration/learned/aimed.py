"""
A part of an X-ray as a C-arm that is aimed at the CT would show it.

A network of a small CT is trained on images that show little else, head up.  Turned about its
source, any camera shows such an image of the same rays, so that nothing is lost whatever the
depth of what it shows.
"""

import cv2
import numpy as np

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.region import Window

# Seen nearly along the CT's long axis nothing says what is up: then the image stays as it was.
_ALONG = 0.2

# Pixels that have less of usable ones are masked.
_USABLE = 0.99


def aimed(window, carm_from_ct, isocentre_m, field_mm, size):
    """
    Return (Window [size, size], aimed_from_carm [4, 4]).

    window       of a whole view, its pixels about as large as those that are asked for
    field_mm     side of the square around the isocentre that is shown

    What the view does not show is masked.
    """
    centre = se3.apply(carm_from_ct, isocentre_m)
    distance_m = float(np.linalg.norm(centre))
    aimed_from_carm = np.eye(4)
    aimed_from_carm[:3, :3] = _axes(centre / distance_m, carm_from_ct[:3, 2])
    focal, middle = size * distance_m / (1e-3 * field_mm), (size - 1) / 2
    camera = PinholeCamera(size, size, focal, focal, middle, middle)
    pixel_from_aimed = (
        window.camera.matrix @ aimed_from_carm[:3, :3].T @ np.linalg.inv(camera.matrix)
    )

    def warped(pixels):
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpPerspective(
            pixels.astype(np.float32), pixel_from_aimed, (size, size), flags=flags
        )

    share = warped(window.mask)
    image = warped(np.where(window.mask, window.image, 0)) / np.maximum(share, 1e-6)
    return Window(image, share > _USABLE, camera), aimed_from_carm


def _axes(forward, superior):
    """Return the aimed camera's axes as rows, in those of the other one: x right, y down."""
    up = superior - forward * (forward @ superior)
    if np.linalg.norm(up) < _ALONG:
        up = np.array([0.0, -1.0, 0.0]) + forward * forward[1]
    down = -up / np.linalg.norm(up)
    return np.stack([np.cross(down, forward), down, forward])
