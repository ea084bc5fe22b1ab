"""The box of space that the model covers."""

from dataclasses import dataclass

import numpy as np

from surg_invnerf.geometry import world_points
from surgical_perception.errors import InputError

_PERCENTILES = (1, 99)
# A flat view would give a box without thickness; tissue moves out of what the first frames show.
_MIN_HALF_SIZE_M = 4e-3
MARGIN, ONLINE_MARGIN = 1.25, 1.5
_POINTS_PER_FRAME = 2000


@dataclass(frozen=True)
class Workspace:
    """A box in the world frame: centre_m [3] and half_size_m [3]; inside it |normalised| <= 1."""

    centre_m: np.ndarray
    half_size_m: np.ndarray


def workspace_around(observations, margin=MARGIN):
    """
    Return the Workspace of everything that stereo measured.

    1st to 99th percentile of the points of all frames per axis, half sizes times `margin`.
    Raises InputError where no frame has a measured depth.
    """
    rng = np.random.default_rng(0)
    points = []
    for frame in observations.frames.values():
        v, u = np.nonzero(frame.usable & frame.measured)
        chosen = rng.permutation(len(u))[:_POINTS_PER_FRAME]
        pixels = np.stack([u[chosen], v[chosen]], -1)
        points.append(world_points(observations.camera, frame, pixels))
    points = np.concatenate(points) if points else np.empty((0, 3))
    if not len(points):
        raise InputError(
            'stereo measured no depth in any frame: check that the pair is rectified, sharp and '
            'not swapped'
        )
    low, high = np.percentile(points, _PERCENTILES, axis=0)
    half = np.maximum((high - low) / 2, _MIN_HALF_SIZE_M) * margin
    return Workspace((low + high) / 2, half)
