"""Re-anchoring: the fit's answer for an earlier frame corrects the tracker in the present one."""

from collections import deque
from dataclasses import dataclass

import numpy as np

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
    reprojection_px     median over the latest steps
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
        Note the corrections that an Answer implies; return the table with them.

        Followed points get a wanted offset that `relax` applies by and by; the others move at
        once.  Either way it is a share of the whole way from the tracker's own chain to the
        answer, by both deviations: the fit's errors hardly change from answer to answer, so that
        many answers are no surer than one; the chain's deviation grows until the fit decides.
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
        away_m = answer.xyz_m[place] - then_xyz[then]
        if followed.any():
            gap_m = away_m[followed, 2] - table['shift_m'][row[followed], 2]
            self.disagreement_m = float(np.median(np.abs(gap_m)))
        # An answer from before the chain began anew says nothing of it.
        same = table['since'][row] <= answer.frame
        pulled = same & followed & ~answer.hidden[place]
        away_px = (answer.uv[place] - then_uv[then])[pulled]
        self._pull(table, row[pulled], away_px, away_m[pulled], answer)
        moved = same & ~followed
        self._move(table, row[moved], away_m[moved], answer)
        return table

    def _pull(self, table, row, away_px, away_m, answer):
        """Ask followed rows to move; those that the fit contradicts too often are given to it."""
        share, overruled = self._shares(table, row, np.linalg.norm(away_px, axis=1), answer)
        taken = share > 0
        table['wanted'][row[taken]] = (share[:, None] * away_px)[taken]
        table['followed'][row[overruled]] = False
        self._begin_anew(table, row[overruled], away_m[overruled], answer)

    def _move(self, table, row, away_m, answer):
        """Move rows that are not followed."""
        focal = self._camera.left.fx / np.maximum(table['xyz_m'][row, 2], _MIN_DEPTH_M)
        lateral_px = np.linalg.norm(away_m[:, :2], axis=1) * focal
        share, overruled = self._shares(table, row, lateral_px, answer)
        taken = share > 0
        shift_m = (share[:, None] * away_m)[taken]
        table['xyz_m'][row[taken]] += shift_m - table['shift_m'][row[taken]]
        table['shift_m'][row[taken]] = shift_m
        self._begin_anew(table, row[overruled], away_m[overruled], answer)
        settled = row[taken | overruled]
        table['sigma_m'][settled] = np.minimum(table['sigma_m'][settled], _UNSEEN_M)

    def _begin_anew(self, table, row, away_m, answer):
        """Put rows where the fit has them, and begin their chains there."""
        table['xyz_m'][row] += away_m - table['shift_m'][row]
        table['shift_m'][row] = 0
        table['offset'][row] = table['wanted'][row] = 0
        table['sigma_px'][row] = table['fit_px'][row] = answer.sigma_px
        table['since'][row] = self._history[-1][0] + 1

    def _shares(self, table, row, distance_px, answer):
        """
        Return (share, overruled): the share [N] of the way that each row should go, 0 where the
        answer is not believed, and whether [N] it was disbelieved too often.
        """
        config = self._config
        variance, fit_variance = np.square(table['sigma_px'][row]), answer.sigma_px**2
        # Both axes: the squared distance of a good one has mean 2 sigma^2.
        believed = distance_px <= config.gate_sigma * np.sqrt(2 * (variance + fit_variance))
        table['rejected'][row] = np.where(believed, 0, table['rejected'][row] + 1)
        overruled = table['rejected'][row] >= config.patience
        table['rejected'][row[overruled]] = 0
        table['fit_px'][row[believed]] = answer.sigma_px
        return np.where(believed, variance / (variance + fit_variance), 0.0), overruled

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


def fused_px(table):
    """Return the deviations [N] (px) of the chains with the fit's answers."""
    return 1 / np.hypot(1 / table['sigma_px'], 1 / table['fit_px'])
