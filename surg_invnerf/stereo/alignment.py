"""How the two eyes lie to each other, measured in the images: which is left, are rows equal."""

from dataclasses import dataclass

import cv2
import numpy as np

from surg_invnerf.stereo.flow import DisStereo

# Coarse flow is enough for a median, and takes a twentieth of the time of a match.
_WIDTH_PX = 160
_ROUND_TRIP_PX = 0.7
# With fewer pixels that find their way back, nothing is said: noise reaches 0.43, tissue 0.72.
_MIN_SHARE = 0.5


@dataclass(frozen=True)
class Alignment:
    """
    Medians over the pixels that flow finds again.

    share       of the image's pixels
    shift_px    disparity beyond that of a point at infinity; NaN where share is too small
    rows_px     v_right - v_left; NaN likewise
    """

    share: float
    shift_px: float
    rows_px: float


class AlignmentMeter:
    """Measures the Alignment of the pairs of one StereoCamera."""

    def __init__(self, camera):
        self._at_infinity = camera.cx_difference
        self._factor = max(1, round(camera.left.width / _WIDTH_PX))
        self._flow = DisStereo(coarse=True)

    def measure(self, left, right):
        """Return the Alignment of grey images [H, W] uint8, in their pixels."""
        left, right = (self._small(image) for image in (left, right))
        flow = self._flow.match(left, right, self._at_infinity / self._factor)
        found = flow.round_trip < _ROUND_TRIP_PX
        share = float(found.mean())
        if share < _MIN_SHARE:
            return Alignment(share, np.nan, np.nan)
        shift = self._factor * np.median(flow.disparity[found]) - self._at_infinity
        return Alignment(share, float(shift), float(self._factor * np.median(flow.rows[found])))

    def _small(self, image):
        size = (image.shape[1] // self._factor, image.shape[0] // self._factor)
        return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
