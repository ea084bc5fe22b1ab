"""Which of many minima at one level are worth a descent at the next."""

import math

import numpy as np

# A minimum is worthwhile when its cost is within this factor of the lowest so far.  Right poses
# mostly end at a third of the best wrong one's cost; through a pelvis from the side, where scatter
# hides the bones, they end above it (0.017 and 0.011 at the coarsest level of tuning X-rays).
_PROMISING = 2.0

# A minimum stands out when every other costs at least this many times as much.
_STANDS_OUT = 2.0

# Two descents that end this near each other, a rotation counting as the motion of a point 0.15 m
# off the isocentre, have found the same minimum.
_SAME_M, _LEVER_M = 0.01, 0.15


class Minima:
    """Remembers what was found at one level."""

    def __init__(self, isocentre_m):
        self._isocentre_m = isocentre_m
        self._poses, self._costs = [], []

    def is_worthwhile(self, estimate):
        """Whether an Estimate is promising and new; if so, it counts as known from then on."""
        pose, cost = estimate.ct_from_reference, estimate.model.cost
        # Written so that a cost that is not a number passes: the solver has to say what is wrong.
        if cost > _PROMISING * min(self._costs, default=math.inf):
            return False
        if any(self._distance_m(pose, known) < _SAME_M for known in self._poses):
            return False
        self._poses.append(pose)
        self._costs.append(cost)
        return True

    def one_stands_out(self):
        """Whether one minimum is far below all others, so that a better one is unlikely."""
        costs = [*sorted(self._costs), math.inf]
        return costs[1] >= _STANDS_OUT * costs[0]

    def _distance_m(self, a, b):
        """Return how far apart two ct_from_reference [4, 4] put a body around the isocentre."""
        cosine = (np.sum(a[:3, :3] * b[:3, :3]) - 1) / 2
        turn_m = _LEVER_M * math.acos(min(max(cosine, -1.0), 1.0))
        # The isocentre in the reference frame, by either pose.
        centres = [(self._isocentre_m - pose[:3, 3]) @ pose[:3, :3] for pose in (a, b)]
        return turn_m + float(np.linalg.norm(centres[0] - centres[1]))
