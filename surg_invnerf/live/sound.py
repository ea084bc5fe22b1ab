"""Where flow may be believed: on tissue, away from the silhouettes of instruments."""

import cv2
import numpy as np

# Half of flow's window: what lies on both sides of an edge pulls at a point this near.
_REACH_PX = 6
# Within that reach tissue of any slope, seen from 60 mm and more, changes its depth by less.
_MAX_STEP_M = 4e-3


def sound(observation):
    """
    Return [H, W] bool: usable pixels with no edge of depth near them.

    At such an edge flow follows the instrument, and the fit attaches a point to it, for good.
    """
    window = np.ones((2 * _REACH_PX + 1,) * 2, np.uint8)
    depth_m = observation.depth_m
    flat = cv2.dilate(depth_m, window) - cv2.erode(depth_m, window) < _MAX_STEP_M
    return flat & observation.usable
