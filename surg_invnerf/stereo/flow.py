"""DIS optical flow (Kroeger 2016) between the two eyes, there and back."""

from dataclasses import dataclass

import cv2
import numpy as np

# A return from outside of the right image: farther than any threshold.
_NO_RETURN_PX = 1e3


@dataclass(frozen=True)
class FlowMatch:
    """
    What DIS says of each left pixel; all [H, W] float32, pixels.

    disparity   u_left - u_right
    rows        v_right - v_left, 0 in a rectified pair
    round_trip  distance between the pixel and where left to right to left leads
    """

    disparity: np.ndarray
    rows: np.ndarray
    round_trip: np.ndarray


class DisStereo:
    """Matches grey pairs by flow in both directions; keeps OpenCV's buffers between pairs."""

    def __init__(self, preset=cv2.DISOPTICAL_FLOW_PRESET_MEDIUM):
        self._dis = cv2.DISOpticalFlow_create(preset)

    def match(self, left, right, expected=0.0):
        """
        Return the FlowMatch of images [H, W] uint8 whose disparities lie around `expected`.

        The right image is moved by that much first: flow finds small motion more reliably.
        """
        height, width = left.shape
        shift = round(expected)
        move = np.float32([[1, 0, shift], [0, 1, 0]])
        right = cv2.warpAffine(right, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
        there = self._dis.calc(left, right, None)
        back = self._dis.calc(right, left, None)
        u, v = pixel_grid(width, height)
        returned = cv2.remap(
            back,
            u + there[..., 0],
            v + there[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(_NO_RETURN_PX, _NO_RETURN_PX),
        )
        round_trip = cv2.magnitude(*cv2.split(there + returned))
        return FlowMatch(shift - there[..., 0], there[..., 1], round_trip)


def pixel_grid(width, height):
    """Return u and v of every pixel, [H, W] float32 each."""
    return np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
