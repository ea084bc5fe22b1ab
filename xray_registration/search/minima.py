"""Which of many coarse minima are worth a finer descent."""

import math

import numpy as np

from surgical_perception.geometry import se3

# A minimum is worthwhile when its cost is within this factor of the lowest so far.  Right poses
# mostly end at a third of the best wrong one's cost; through a pelvis from the side, where scatter
# hides the bones, they end above it (0.017 and 0.011 on tuning X-rays).
_PROMISING = 2.0

# Two descents that end this near each other, a rotation counting as the motion of a point 0.15 m
# off the isocentre, have found the same minimum.
_SAME_M, _LEVER_M = 0.01, 0.15


class Minima:
    """Remembers what was found at the coarsest level."""

    def __init__(self, isocentre_m):
        self._isocentre_m = isocentre_m
        self._poses = []
        self._lowest = math.inf

    def is_worthwhile(self, estimate):
        """Whether an Estimate is promising and new; if so, it counts as known from then on."""
        # Written so that a cost that is not a number passes: the solver has to say what is wrong.
        if estimate.model.cost > _PROMISING * self._lowest:
            return False
        self._lowest = min(self._lowest, estimate.model.cost)
        pose = estimate.ct_from_reference
        if any(self._distance_m(pose, known) < _SAME_M for known in self._poses):
            return False
        self._poses.append(pose)
        return True

    def _distance_m(self, a, b):
        """Return how far apart two ct_from_reference [4, 4] put a body around the isocentre."""
        motion = se3.inverse(a) @ b
        turn_m = _LEVER_M * np.linalg.norm(se3.log(motion)[3:])
        # The isocentre in the reference frame, by either pose.
        shift = se3.apply(se3.inverse(a), self._isocentre_m) - se3.apply(
            se3.inverse(b), self._isocentre_m
        )
        return turn_m + float(np.linalg.norm(shift))
