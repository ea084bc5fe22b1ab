"""What a clip is: rectified stereo frames, one after the other, never all of them in memory."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from surg_invnerf.camera import StereoCamera


@dataclass(frozen=True)
class StereoFrame:
    """
    One rectified pair.

    index               number of the frame in its clip, from 0
    stamp_ns            acquisition time
    left, right         [H, W, 3] uint8, RGB
    world_from_camera   [4, 4] pose of the left camera by kinematics (m); None without
    tool                [H, W] bool, true on instruments; None where nobody says
    """

    index: int
    stamp_ns: int
    left: np.ndarray
    right: np.ndarray
    world_from_camera: np.ndarray | None = None
    tool: np.ndarray | None = None


class Clip(ABC):
    """
    A stereo clip that can be read again and again.

    name        for reports
    camera      StereoCamera of its frames
    fps         frames per second
    sources     {name: path} of the files behind it, for hashes; empty for a synthetic one
    """

    name: str
    camera: StereoCamera
    fps: float
    sources: dict

    @abstractmethod
    def __len__(self):
        """Return the number of frames."""

    @abstractmethod
    def frames(self):
        """Yield the StereoFrames in order; each call begins anew."""
