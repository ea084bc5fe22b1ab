"""Re-anchoring: the fit's answer for an earlier frame corrects the tracker in the present one."""

from collections import deque
from dataclasses import dataclass

import numpy as np

# The fit's errors hardly change from answer to answer, so that asking twice tells nothing new:
# a point is never surer than this share of the fit's own deviation.
_SIGMA_FLOOR = 0.7

# Depth of a point that the fit alone knows.
_UNSEEN_M = 1e-3
_MIN_DEPTH_M = 1e-3


@dataclass(frozen=True)
class Answer:
    """
    What the fit knows about one frame.

    frame               index of the frame
    ids                 [N] int64
    uv                  [N, 2] working-size pixels
    xyz_m               [N, 3] in the left camera of that frame
    hidden              [N] bool: the fit has something in front of the point
    sigma_px            standard deviation of uv, each axis
    steps               taken in all
    reprojection_px     of the last step
    """

    frame: int
    ids: np.ndarray
    uv: np.ndarray
    xyz_m: np.ndarray
    hidden: np.ndarray
    sigma_px: float
    steps: int
    reprojection_px: float


class Anchor:
    """
    Remembers where the tracker had its points, so that a late answer can be compared with it.

    A point's correction at the answer's frame is taken to hold in the present one: a chain of
    flows that started `c` pixels aside goes on `c` pixels aside.
    """

    def __init__(self, camera, config):
        """Take the StereoCamera at working size, and an AnchorConfig."""
        self._camera, self._config = camera, config
        self._history = deque(maxlen=config.history)
        # Median of |fit - tracker| depth over the followed points of the last answer's frame.
        self.disagreement_m = float('nan')

    def remember(self, frame, table):
        """Note the points' places in frame number `frame`, without their corrections."""
        uv, xyz_m = table['uv'] - table['offset'], table['xyz_m'] - table['shift_m']
        self._history.append((frame, table['id'].copy(), uv, xyz_m))

    def forget(self):
        """Drop the history: earlier answers mean nothing any more."""
        self._history.clear()
        self.disagreement_m = float('nan')

    def apply(self, answer, table):
        """
        Ask for the corrections that an Answer implies; return the table with them noted.

        Followed points get a wanted offset that `relax` applies by and by; the others move at
        once.  How far is a matter of both deviations (a Kalman gain): that of a point that is
        not followed grows until the fit alone decides.
        """
        entry = next((e for e in self._history if e[0] == answer.frame), None)
        if entry is None:
            return table
        _, then_ids, then_uv, then_xyz = entry
        table = table.copy()
        common = np.intersect1d(np.intersect1d(table['id'], then_ids), answer.ids)
        row = _places(table['id'], common)
        then, place = _places(then_ids, common), _places(answer.ids, common)
        table['known'][row] = True
        table['hidden'][row] = answer.hidden[place]
        followed = table['followed'][row]
        innovation_px = answer.uv[place] - (then_uv[then] + table['wanted'][row])
        innovation_m = answer.xyz_m[place] - (then_xyz[then] + table['shift_m'][row])
        if followed.any():
            self.disagreement_m = float(np.median(np.abs(innovation_m[followed, 2])))
        # A correction from before flow lost the point says nothing of where it found it again.
        same = followed & (table['since'][row] <= answer.frame) & ~answer.hidden[place]
        self._pull(table, row[same], innovation_px[same], innovation_m[same], answer)
        self._move(table, row[~followed], innovation_m[~followed], answer)
        return table

    def _pull(self, table, row, innovation_px, innovation_m, answer):
        """Ask followed rows to move; those that went astray are no longer followed."""
        gain = self._gains(table, row, np.linalg.norm(innovation_px, axis=1), answer)
        astray = gain == 1
        gain[astray] = 0
        table['wanted'][row] += gain[:, None] * innovation_px
        table['followed'][row[astray]] = False
        table['xyz_m'][row[astray]] += innovation_m[astray]
        table['shift_m'][row[astray]] += innovation_m[astray]

    def _move(self, table, row, innovation_m, answer):
        """Move rows that are not followed."""
        focal = self._camera.left.fx / np.maximum(table['xyz_m'][row, 2], _MIN_DEPTH_M)
        lateral_px = np.linalg.norm(innovation_m[:, :2], axis=1) * focal
        gain = self._gains(table, row, lateral_px, answer)
        table['xyz_m'][row] += gain[:, None] * innovation_m
        table['shift_m'][row] += gain[:, None] * innovation_m
        moved = row[gain > 0]
        table['sigma_m'][moved] = np.minimum(table['sigma_m'][moved], _UNSEEN_M)

    def _gains(self, table, row, distance_px, answer):
        """
        Return the share [N] of each innovation to take: 0 for one that is not believed, 1 for a
        point that the fit has contradicted too often; rows get their new deviation.
        """
        config = self._config
        variance, fit_variance = np.square(table['sigma_px'][row]), answer.sigma_px**2
        # Both axes: the squared distance of a good one has mean 2 sigma^2.
        believed = distance_px <= config.gate_sigma * np.sqrt(2 * (variance + fit_variance))
        table['rejected'][row] = np.where(believed, 0, table['rejected'][row] + 1)
        overruled = table['rejected'][row] >= config.patience
        table['rejected'][row[overruled]] = 0
        gain = variance / (variance + fit_variance)
        posterior = np.maximum(np.sqrt(gain * fit_variance), _SIGMA_FLOOR * answer.sigma_px)
        taken = believed | overruled
        posterior = np.minimum(posterior, table['sigma_px'][row])
        sigma_px = np.where(overruled, 2 * answer.sigma_px, posterior)
        table['sigma_px'][row[taken]] = sigma_px[taken]
        return np.select([overruled, believed], [np.ones_like(gain), gain], 0.0)

    def relax(self, table):
        """Return (table, moved [N] bool): followed points a step nearer to their answer."""
        table = table.copy()
        left = table['wanted'] - table['offset']
        length = np.linalg.norm(left, axis=1)
        moved = table['followed'] & (length > 0)
        step = left * np.minimum(1.0, self._config.step_px / np.maximum(length, 1e-12))[:, None]
        table['uv'][moved] += step[moved]
        table['offset'][moved] += step[moved]
        return table, moved


def _places(ids, wanted):
    """Return the place of each of `wanted` in `ids`; all are there."""
    order = np.argsort(ids)
    return order[np.searchsorted(ids, wanted, sorter=order)]
