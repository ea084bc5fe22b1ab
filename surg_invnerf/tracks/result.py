"""The tracks of some points over some frames."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Cause(IntEnum):
    """Why a point is not seen in a frame."""

    VISIBLE = 0
    TOOL = 1
    SELF = 2  # tissue in front of it
    OUT_OF_VIEW = 3
    STEREO_DISAGREES = 4
    UNKNOWN = 5  # no measurement to judge by


@dataclass(frozen=True)
class Tracks:
    """
    N points over T frames; every number is finite, whether the point is visible or not.

    ids             [N] int64, unique in a session
    frames          [T] int, indices of the frames
    uv              [N, T, 2] float32, pixels of the left image
    xyz_m           [N, T, 3] float32, in the left camera of each frame
    cause           [N, T] uint8, of Cause
    cov_m2          [N, T, 3, 3] float32, of xyz_m
    confidence      [N, T] float32 in [0, 1]: how likely the point is within 4 pixels
    """

    ids: np.ndarray
    frames: np.ndarray
    uv: np.ndarray
    xyz_m: np.ndarray
    cause: np.ndarray
    cov_m2: np.ndarray
    confidence: np.ndarray

    @property
    def visible(self):
        """[N, T] bool."""
        return self.cause == Cause.VISIBLE
