"""
Disparity of a rectified pair: semi-global matching to be safe, DIS flow to be precise.

Semi-global matching (SGBM) searches the whole range and rejects what it cannot decide, but its
sub-pixel part leans towards whole pixels and it leaves holes.  DIS flow is smooth to a few
hundredths of a pixel, but follows its neighbours where there is nothing to see.  The flow is kept
where it finds its own way back and SGBM, where that has an answer, agrees.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from surg_invnerf.stereo.flow import DisStereo, pixel_grid
from surg_invnerf.stereo.refine import refine
from surg_invnerf.stereo.sgbm import Sgbm


@dataclass(frozen=True)
class SgbmDisConfig:
    """Settings of SgbmDis; pixels are those of the images that are matched."""

    near_m: float = 0.03  # depth range that is searched
    far_m: float = 0.25
    round_trip_px: float = 1.0  # error of left to right and back
    rows_px: float = 1.0  # a match off its row is none
    agreement_px: float = 1.0  # between SGBM and DIS


class SgbmDis:
    """Matches the rectified pairs of one StereoCamera."""

    def __init__(self, camera, config=SgbmDisConfig()):
        """Prepare for the disparities of the depth range in this camera."""
        self._config = config
        self._least = float(camera.disparity_from_depth(config.far_m))
        self._most = float(camera.disparity_from_depth(config.near_m))
        self._sgbm = Sgbm(self._least, self._most)
        self._dis = DisStereo()

    def match(self, left, right):
        """
        Return (disparity, sigma_px), both [H, W] float32, of images [H, W, 3] uint8 RGB.

        `disparity` is u_left - u_right, NaN where no match is trusted; `sigma_px` is its standard
        deviation, infinite there.
        """
        left, right = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (left, right))
        safe = self._sgbm.match(left, right)
        searched = np.isfinite(safe)
        expected = float(np.median(safe[searched])) if searched.any() else self._least
        flow = self._dis.match(left, right, expected)
        disparity, sigma = refine(left, right, flow.disparity)
        trusted = self._trusted(flow, safe, searched) & self._possible(disparity)
        sigma = np.sqrt(np.square(sigma) + np.square(flow.round_trip))
        return np.where(trusted, disparity, np.nan), np.where(trusted, sigma, np.inf)

    def _trusted(self, flow, safe, searched):
        config = self._config
        returns = flow.round_trip < config.round_trip_px
        on_its_row = np.abs(flow.rows) < config.rows_px
        with np.errstate(invalid='ignore'):
            agrees = np.abs(safe - flow.disparity) < config.agreement_px
        return returns & on_its_row & (agrees | ~searched)

    def _possible(self, disparity):
        """Return [H, W] bool: in the depth range, and the match lies in the right image."""
        height, width = disparity.shape
        match = pixel_grid(width, height)[0] - disparity
        in_range = (disparity >= self._least) & (disparity <= self._most)
        return in_range & (match >= 0) & (match <= width - 1)
