"""The points that are tracked: one row each, with ids that are never used twice."""

from collections import Counter

import numpy as np

# A refused query's place in the answer.
REFUSED = -1

POINT = np.dtype(
    [
        ('id', np.int64),
        ('uv', np.float64, 2),  # working-size pixels
        ('xyz_m', np.float64, 3),  # in the left camera of the current frame
        ('cause', np.uint8),
        ('followed', np.bool_),  # flow found it again in the current frame
        ('sigma_px', np.float64),  # standard deviation of uv, each axis, without the fit
        ('fit_px', np.float64),  # that of the fit's last answer; infinite before
        ('sigma_m', np.float64),  # of the depth
        ('followed_ns', np.int64),  # when flow last found it
        ('since', np.int64),  # frame in which its present chain of flows began
        ('offset', np.float64, 2),  # all corrections applied since then...
        ('wanted', np.float64, 2),  # ...and those that were asked for
        ('shift_m', np.float64, 3),  # all corrections of xyz_m while it was not followed
        ('known', np.bool_),  # whether the fit has answered for it
        ('hidden', np.bool_),  # something lies in front of it, by the last answer
        ('rejected', np.int16),  # answers in a row that the gate refused
        ('rgb', np.uint8, 3),
    ]
)


class Points:
    """A table of points with a budget."""

    def __init__(self, budget, first_id=0):
        """Hold at most `budget` points; ids start at `first_id`."""
        self.budget = budget
        self.next_id = first_id
        self.refusals = Counter()
        self.table = np.zeros(0, POINT)

    def __len__(self):
        return len(self.table)

    def admit(self, good, reason, promised=0):
        """
        Return ids [N] for queries of which `good` [N] says whether they can be tracked.

        The others get REFUSED and are counted under `reason`, as are those over the budget, of
        which `promised` rows are to come.  The caller adds a row for each id.
        """
        good = np.asarray(good, bool)
        self._refuse(reason, np.count_nonzero(~good))
        ids = np.full(len(good), REFUSED, np.int64)
        rows = np.flatnonzero(good)
        room = max(self.budget - len(self.table) - promised, 0)
        self._refuse(f'over the budget of {self.budget} points', len(rows) - room)
        rows = rows[:room]
        ids[rows] = self.next_id + np.arange(len(rows))
        self.next_id += len(rows)
        return ids

    def _refuse(self, reason, count):
        if count > 0:
            self.refusals[reason] += int(count)

    def append(self, ids, uv, xyz_m, sigma_m, observation, rgb, sigma_px):
        """Add one row per id, seen in an observation; uv [N, 2], xyz_m [N, 3]."""
        rows = np.zeros(len(ids), POINT)
        rows['id'], rows['uv'], rows['xyz_m'], rows['rgb'] = ids, uv, xyz_m, rgb
        rows['sigma_px'], rows['sigma_m'], rows['fit_px'] = sigma_px, sigma_m, np.inf
        rows['followed_ns'], rows['since'] = observation.stamp_ns, observation.index
        rows['followed'] = True
        self.table = np.concatenate([self.table, rows])

    def remove(self, ids):
        """Forget points; return how many there were."""
        gone = np.isin(self.table['id'], ids)
        self.table = self.table[~gone]
        return int(np.count_nonzero(gone))

    def clear(self):
        """Forget every point; ids go on where they were."""
        self.table = self.table[:0]
