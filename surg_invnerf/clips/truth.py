"""What a clip may know about itself: the truth that tracks are compared with."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TrackTruth:
    """
    True tracks of N queried points over all T frames.

    queries     [N, 3] (u, v, frame)
    uv          [N, T, 2] pixels of the left image; NaN where unknown
    xyz_m       [N, T, 3] in the left camera of each frame, NaN where unknown; None without
    visible     [N, T] bool; uv (and xyz_m) are known wherever it is true
    """

    queries: np.ndarray
    uv: np.ndarray
    xyz_m: np.ndarray | None
    visible: np.ndarray


@dataclass(frozen=True)
class EndPointTruth:
    """
    Points labelled in the first and the last frame, without saying which belongs to which.

    queries     [N, 3] (u, v, 0)
    uv          [M, 2] pixels of the left image in the last frame
    """

    queries: np.ndarray
    uv: np.ndarray
