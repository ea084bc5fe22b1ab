"""
Disparity of a rectified pair: DIS flow to be precise, semi-global matching to be safe.

Flow is good to a few hundredths of a pixel where it is right, but follows its neighbours where
there is nothing to see.  Semi-global matching (SGBM) searches the whole range and rejects what it
cannot decide, but leans towards whole pixels and leaves holes.  So the flow is kept where SGBM
agrees, or where SGBM is silent and the flow finds its own way back.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from surg_invnerf.correspondence.dense import pixel_grid
from surg_invnerf.stereo.flow import DisStereo
from surg_invnerf.stereo.sgbm import Sgbm
from surg_invnerf.stereo.uncertainty import sigma_px


@dataclass(frozen=True)
class SgbmDisConfig:
    """Settings of SgbmDis; pixels are those of the images that are matched."""

    near_m: float = 0.03  # depth range that is searched
    far_m: float = 0.25
    agreement_px: float = 1.0  # between flow and SGBM
    round_trip_px: float = 2.0  # error of left to right and back where both agree...
    lonely_round_trip_px: float = 0.7  # ...and where SGBM is silent
    rows_px: float = 1.0  # a match off its row, and that of the others, is none
    max_sigma_px: float = 0.5  # beyond, most are gross errors at edges


class SgbmDis:
    """Matches the rectified pairs of one StereoCamera."""

    def __init__(self, camera, config=SgbmDisConfig()):
        """Prepare both matchers for the disparities of the depth range."""
        self._config = config
        self._least = float(camera.disparity_from_depth(config.far_m))
        self._most = float(camera.disparity_from_depth(config.near_m))
        self._sgbm = Sgbm(self._least, self._most)
        self._flow = DisStereo()

    def match(self, left, right):
        """
        Return (disparity, sigma_px), both [H, W] float32, of images [H, W, 3] uint8 RGB.

        `disparity` is u_left - u_right, NaN where no match is trusted; `sigma_px` is its standard
        deviation, infinite there.
        """
        left, right = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (left, right))
        safe = self._sgbm.match(left, right)
        decided = np.isfinite(safe)
        expected = float(np.median(safe[decided])) if decided.any() else self._least
        flow = self._flow.match(left, right, expected)
        with np.errstate(invalid='ignore'):
            agrees = np.abs(safe - flow.disparity) < self._config.agreement_px
        # What all rows are off by is the calibration's error, which flow follows.
        rows = np.abs(flow.rows - (np.median(flow.rows[agrees]) if agrees.any() else 0))
        sigma = sigma_px(left, right, flow.disparity, rows)
        trusted = (agrees & (flow.round_trip < self._config.round_trip_px)) | (
            ~decided & (flow.round_trip < self._config.lonely_round_trip_px)
        )
        trusted &= self._possible(flow.disparity) & (rows < self._config.rows_px)
        trusted &= sigma < self._config.max_sigma_px
        return np.where(trusted, flow.disparity, np.nan), np.where(trusted, sigma, np.inf)

    def _possible(self, disparity):
        """Return [H, W] bool: in the depth range, and the match lies in the right image."""
        match = pixel_grid(*disparity.shape)[..., 0] - disparity
        in_range = (disparity >= self._least) & (disparity <= self._most)
        return in_range & (match >= 0) & (match <= disparity.shape[1] - 1)
