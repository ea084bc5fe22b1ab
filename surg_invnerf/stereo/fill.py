"""Depth where stereo has none: that of the nearest pixel which has."""

import cv2
import numpy as np

# A lone wrong pixel would spread over its whole hole; a median of this side removes it.
_MEDIAN_SIDE = 5


def fill(depth_m):
    """
    Return depth [H, W] float32 without NaN: holes take the nearest valid depth, then a median.

    `depth_m` [H, W] must hold one finite value at least; only holes change.  (Unfiltered
    disparity, or a fill by zeros, makes means of centimetres.)
    """
    hole = ~np.isfinite(depth_m)
    depth = np.where(hole, 0, depth_m).astype(np.float32)
    if not hole.any():
        return depth
    _, labels = cv2.distanceTransformWithLabels(
        hole.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.empty(labels.max() + 1, np.float32)
    nearest[labels[~hole]] = depth[~hole]
    filled = nearest[labels]
    return np.where(hole, cv2.medianBlur(filled, _MEDIAN_SIDE), depth)
