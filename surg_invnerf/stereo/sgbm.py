"""Semi-global block matching (Hirschmueller 2008, as OpenCV has it) over a disparity range."""

import cv2
import numpy as np

_BLOCK_PX = 5
# Penalties of a step by one pixel and of a jump, per pixel of the block: OpenCV's own advice.
_STEP, _JUMP = 8, 32
# The best match must beat the second by this; below, repeated texture decides by chance.
_UNIQUENESS_PERCENT = 10
# Islands smaller than this, more than one pixel off their surroundings, are wrong.
_SPECKLE_PIXELS, _SPECKLE_PX = 50, 1
_ROUND_TRIP_PX = 1
_SCALE = 16  # OpenCV returns sixteenths of a pixel
_MULTIPLE = 16  # of which its range must be


class Sgbm:
    """Finds whole-pixel matches that are hardly ever wrong, with a sub-pixel part to 0.1 px."""

    def __init__(self, least, most):
        """Prepare for disparities from `least` to `most` (pixels, left minus right column)."""
        self._first = int(np.floor(least)) - 1
        count = int(np.ceil(most)) + 1 - self._first
        count = -(-count // _MULTIPLE) * _MULTIPLE
        self._matcher = cv2.StereoSGBM_create(
            self._first,
            count,
            _BLOCK_PX,
            P1=_STEP * _BLOCK_PX**2,
            P2=_JUMP * _BLOCK_PX**2,
            disp12MaxDiff=_ROUND_TRIP_PX,
            preFilterCap=31,
            uniquenessRatio=_UNIQUENESS_PERCENT,
            speckleWindowSize=_SPECKLE_PIXELS,
            speckleRange=_SPECKLE_PX,
            mode=cv2.StereoSGBM_MODE_SGBM_3WAY,
        )

    def match(self, left, right):
        """Return disparity [H, W] float32, NaN where rejected, of grey images [H, W] uint8."""
        disparity = self._matcher.compute(left, right).astype(np.float32) / _SCALE
        disparity[disparity < self._first] = np.nan
        return disparity
