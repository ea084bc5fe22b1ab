"""The tracker of every frame: flow and stereo for the points that are seen, all of it gated."""

from dataclasses import dataclass

import numpy as np

from surg_invnerf.geometry import bilinear
from surg_invnerf.live.carry import Motion
from surg_invnerf.live.flow import flow, tracking_image
from surg_invnerf.live.sound import sound
from surg_invnerf.tracks.result import Cause
from surg_invnerf.tracks.visibility import VisibilityConfig, in_view, look, pixel_of

# What a frame adds to the deviation of a position, as in a random walk: a chain of flows drifts,
# and a point that its neighbours carry leaves them.  From the errors on synthetic scenes.
_DRIFT_PX, _CARRIED_PX, _CARRIED_M = 0.14, 0.3, 3e-4
# A point that was lost while the fit does not know it is only looked for this long.
_COAST_S = 0.5


@dataclass(frozen=True)
class _Picture:
    """What flow compares: the grey image of the last frame that could be used."""

    grey: np.ndarray
    stamp_ns: int


class PointTracker:
    """Moves a table of points from frame to frame."""

    def __init__(self, camera, config):
        """Take the StereoCamera at working size, and a LiveConfig."""
        self._camera, self._config = camera, config
        self._visibility = VisibilityConfig()
        self._previous = None
        self.sound = None  # [H, W] bool, where flow is believed in the last frame

    def forget(self):
        """Drop the last image: the next frame continues nothing."""
        self._previous = None

    def wait(self, table):
        """Let points grow unsure, in place, over a frame that shows nothing."""
        table['sigma_px'] = np.hypot(table['sigma_px'], _CARRIED_PX)
        table['sigma_m'] = np.hypot(table['sigma_m'], _CARRIED_M)

    def advance(self, table, observation, deadline):
        """
        Follow every point into a new observation; return (table, late).

        `late` counts points for which `deadline` (time.monotonic) left no time: their neighbours
        carry them, as they do with what cannot be followed.
        """
        table, config = table.copy(), self._config
        self.sound = sound(observation)
        current = _Picture(tracking_image(observation.image), observation.stamp_ns)
        previous, self._previous = self._previous or current, current
        seen = np.flatnonzero(table['cause'] == Cause.VISIBLE)
        if (current.stamp_ns - previous.stamp_ns) * 1e-9 > config.health.max_gap_s:
            seen = seen[:0]
        uv = table['uv'][seen]
        found, round_trip, looked = flow(
            previous.grey, current.grey, uv, uv, config.flow, deadline
        )
        back = round_trip <= config.flow.max_round_trip_px
        self._settle(table, seen[back], found[back], observation)
        return table, int(np.count_nonzero(~looked))

    def _settle(self, table, rows, uv, observation):
        """Move rows to pixels uv [M, 2] that flow found, and all others along, in place."""
        depth_m, sigma_m, good = self._measured(table, rows, uv, observation)
        rows, uv, depth_m, sigma_m = rows[good], uv[good], depth_m[good], sigma_m[good]
        xyz_m = self._camera.unproject(uv, depth_m)
        motion = Motion(table['xyz_m'][rows], xyz_m)
        with_tissue = motion.plausible
        rows = rows[with_tissue]
        others = np.setdiff1d(np.arange(len(table)), rows)
        table['xyz_m'][others] = motion.carry(table['xyz_m'][others])
        table['uv'][rows], table['xyz_m'][rows] = uv[with_tissue], xyz_m[with_tissue]
        table['sigma_m'][rows] = sigma_m[with_tissue]
        table['sigma_px'][rows] = np.hypot(table['sigma_px'][rows], _DRIFT_PX)
        table['sigma_px'][others] = np.hypot(table['sigma_px'][others], _CARRIED_PX)
        table['sigma_m'][others] = np.hypot(table['sigma_m'][others], _CARRIED_M)
        self.place(table, others)
        lost = others[table['followed'][others]]
        found_again = rows[~table['followed'][rows]]
        table['followed'][lost], table['followed'][rows] = False, True
        table['since'][found_again] = observation.index
        table['offset'][found_again] = table['wanted'][found_again] = 0
        table['rejected'][found_again] = 0
        table['followed_ns'][rows] = observation.stamp_ns
        self._explain(table, observation)

    def _measured(self, table, rows, uv, observation):
        """Return depth, sigma [M] (m) of rows at pixels uv, and which of them may be believed."""
        camera, config = self._camera, self._visibility
        column, row = pixel_of(camera, uv)
        sigma_m = observation.sigma_m[row, column].astype(float)
        depth_m = bilinear(observation.depth_m, uv).astype(float)
        by_stereo = np.isfinite(sigma_m)
        before_m, before_sigma_m = table['xyz_m'][rows, 2], table['sigma_m'][rows]
        change_m = np.median((depth_m - before_m)[by_stereo]) if by_stereo.any() else 0.0
        jump_m = np.abs(depth_m - before_m - change_m)
        spread_m = np.hypot(np.where(by_stereo, sigma_m, 0), before_sigma_m)
        jumped = jump_m > np.maximum(config.behind_m, config.behind_sigmas * spread_m)
        # Without stereo at its pixel a point keeps its depth, less and less surely.
        depth_m = np.where(by_stereo, depth_m, before_m + change_m)
        sigma_m = np.where(by_stereo, sigma_m, np.hypot(before_sigma_m, _CARRIED_M))
        inside = in_view(camera, uv, depth_m) & self.sound[row, column]
        return depth_m, sigma_m, inside & ~(by_stereo & jumped)

    def _explain(self, table, observation):
        """Say of every row, in place, whether it is seen, and if not, why."""
        age_s = (observation.stamp_ns - table['followed_ns']) * 1e-9
        trusted = (table['known'] & ~table['hidden']) | (age_s <= _COAST_S)
        for rows, model in ((trusted, _vouched_for), (~trusted, _unheard_of)):
            uv, depth_m = table['uv'][rows], table['xyz_m'][rows, 2]
            cause = look(self._camera, observation, uv, depth_m, model, self._visibility)
            column, row = pixel_of(self._camera, uv)
            masked = observation.tool is not None and observation.tool[row, column]
            cause[(cause == Cause.TOOL) & table['hidden'][rows] & ~masked] = Cause.SELF
            table['cause'][rows] = cause

    def place(self, table, rows):
        """Set the pixels of rows, in place, to where their points project; finite in any case."""
        xyz_m = table['xyz_m'][rows]
        front = xyz_m[:, 2] > 1e-3
        uv = self._camera.left.project(np.where(front[:, None], xyz_m, [0.0, 0.0, 1.0]))
        table['uv'][rows] = np.where(front[:, None], uv, table['uv'][rows])

    def remeasure(self, table, moved, observation):
        """Give rows whose pixels were corrected, in place, the depth of their new pixels."""
        rows = np.flatnonzero(moved)
        uv, depth_m = table['uv'][rows], table['xyz_m'][rows, 2]
        column, row = pixel_of(self._camera, uv)
        sigma_m = observation.sigma_m[row, column].astype(float)
        by_stereo = np.isfinite(sigma_m)
        depth_m = np.where(by_stereo, bilinear(observation.depth_m, uv), depth_m)
        table['xyz_m'][rows] = self._camera.unproject(uv, depth_m)
        table['sigma_m'][rows] = np.where(by_stereo, sigma_m, table['sigma_m'][rows])


def _vouched_for(pixels):
    """Answer `look`, where stereo measured nothing, that tissue is seen at these pixels."""
    count = len(pixels)
    return np.full(count, np.nan), np.ones(count), np.zeros(count)


def _unheard_of(pixels):
    """Answer `look` that nothing is known of these pixels."""
    count = len(pixels)
    return np.full(count, np.nan), np.zeros(count), np.zeros(count)
