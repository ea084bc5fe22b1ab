"""How the tissue moved from one frame to the next, told by the points that flow followed."""

import numpy as np
from scipy.spatial import cKDTree

_NEIGHBOURS = 16
# Fewer followed points fix no rigid motion.
_MIN_POINTS = 4
# A neighbour nearer than this counts no more: its own noise would decide.
_SOFTENING_M = 8e-3
_TRIM_ROUNDS, _TRIM_SIGMAS = 3, 2.5
# Tissue moves against the rest of the scene by at most this many robust standard deviations of
# all such motions, or metres, per frame; what moves more is an instrument that flow mistook.
_OUTLIER_SIGMAS, _ALWAYS_INSIDE_M = 4.0, 5e-4


class Motion:
    """
    The rigid motion of all followed points (the camera's) and what is left of each (the tissue's).

    rigid       function of points [M, 3] (m)
    plausible   [N] bool: which of the followed points moved with the tissue
    """

    def __init__(self, source_m, target_m):
        """Take the followed points before and after, [N, 3] each, in their left cameras."""
        self.plausible = np.ones(len(source_m), bool)
        self._rotation, self._translation = np.eye(3), np.zeros(3)
        self._tree = None
        if len(source_m) < _MIN_POINTS:
            return
        self._rotation, self._translation = rigid_motion(source_m, target_m)
        rest = target_m - self.rigid(source_m)
        # Across the view: depths are too noisy to tell an instrument by.
        length = np.linalg.norm(rest[:, :2], axis=1)
        limit = max(_OUTLIER_SIGMAS * 1.4826 * np.median(length), _ALWAYS_INSIDE_M)
        self.plausible = length <= limit
        self._rest = rest[self.plausible]
        self._tree = cKDTree(source_m[self.plausible])

    def rigid(self, points_m):
        """Return points [M, 3] moved with the scene as a whole."""
        return points_m @ self._rotation.T + self._translation

    def carry(self, points_m):
        """Return points [M, 3] moved as the tissue around them moved."""
        moved = self.rigid(points_m)
        if self._tree is None or not len(points_m):
            return moved
        distance, nearest = self._tree.query(points_m, k=min(_NEIGHBOURS, self._tree.n))
        distance, nearest = np.atleast_2d(distance), np.atleast_2d(nearest)
        weight = 1.0 / (np.square(distance) + _SOFTENING_M**2)
        weight /= weight.sum(1, keepdims=True)
        return moved + (weight[..., None] * self._rest[nearest]).sum(1)


def rigid_motion(source_m, target_m):
    """
    Return (rotation [3, 3], translation [3]) with target ~ R source + t, outliers left out.

    source_m, target_m [N, 3], N >= 4.  Kabsch's method (Acta Cryst. A32, 1976), refitted to what
    lies within 2.5 robust standard deviations.
    """
    keep = np.ones(len(source_m), bool)
    for _ in range(_TRIM_ROUNDS):
        rotation, translation = _kabsch(source_m[keep], target_m[keep])
        error = np.linalg.norm(source_m @ rotation.T + translation - target_m, axis=1)
        fewest = np.partition(error, _MIN_POINTS - 1)[_MIN_POINTS - 1]
        keep = error <= max(_TRIM_SIGMAS * 1.4826 * np.median(error), fewest)
    return rotation, translation


def _kabsch(source, target):
    centre, goal = source.mean(0), target.mean(0)
    u, _, vt = np.linalg.svd((source - centre).T @ (target - goal))
    sign = np.sign(np.linalg.det(vt.T @ u.T))
    rotation = vt.T @ np.diag([1.0, 1.0, sign]) @ u.T
    return rotation, goal - rotation @ centre
