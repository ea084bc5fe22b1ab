"""DIS optical flow (Kroeger et al., ECCV 2016) between the two eyes, there and back."""

from dataclasses import dataclass

import cv2
import numpy as np

from surg_invnerf.correspondence.dense import forward_backward_error

# Noise is averaged where a warped image is read between its pixels, so matching without any blur
# prefers fractions of a pixel: a wave of 0.16 px, which this brings below 0.06.
_BLUR_PX = 0.7


@dataclass(frozen=True)
class FlowMatch:
    """
    What flow says of each left pixel; all [H, W] float32, pixels.

    disparity   u_left - u_right
    rows        v_right - v_left; 0 in a rectified pair
    round_trip  how far the way there and back ends from its start; infinite outside of the image
    """

    disparity: np.ndarray
    rows: np.ndarray
    round_trip: np.ndarray


class DisStereo:
    """Matches grey pairs by flow in both directions; keeps OpenCV's buffers between pairs."""

    def __init__(self, coarse=False):
        """Prepare for depth, or `coarse` for medians in an eighth of the time."""
        self._there = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        if not coarse:
            # At full resolution: the presets stop at half of it or less and round depth edges off
            # (errors above 0.7 px: 3.6 % instead of 2 % of a synthetic scene).  Patches of 8 that
            # overlap by 3 keep edges; more smoothing and fewer steps of each patch, less noise.
            self._there.setFinestScale(0)
            self._there.setPatchStride(5)
            self._there.setGradientDescentIterations(4)
            self._there.setVariationalRefinementIterations(8)
            self._there.setVariationalRefinementAlpha(30.0)
        self._blur_px = 0.0 if coarse else _BLUR_PX
        # The way back is a check to half a pixel, for which the preset is good enough.
        self._back = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def match(self, left, right, expected=0.0):
        """
        Return the FlowMatch of images [H, W] uint8 whose disparities lie around `expected`.

        The right image is moved by that much first: flow finds small motion more reliably.
        """
        height, width = left.shape
        shift = round(expected)
        move = np.float32([[1, 0, shift], [0, 1, 0]])
        right = cv2.warpAffine(right, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
        if self._blur_px:
            left, right = (cv2.GaussianBlur(eye, (0, 0), self._blur_px) for eye in (left, right))
        there, back = self._there.calc(left, right, None), self._back.calc(right, left, None)
        return FlowMatch(shift - there[..., 0], there[..., 1], forward_backward_error(there, back))
