"""The tracker of every frame: flow and stereo for the points that are seen, all of it gated."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from surg_invnerf.geometry import bilinear
from surg_invnerf.live.anchor import fused_px
from surg_invnerf.live.carry import Motion
from surg_invnerf.live.flow import flow, tracking_image
from surg_invnerf.live.sound import sound
from surg_invnerf.tracks.result import Cause
from surg_invnerf.tracks.visibility import VisibilityConfig, in_view, look, pixel_of

# What a frame adds to the deviation of a position, as in a random walk: a chain of flows drifts,
# and a point that its neighbours carry leaves them.  From the errors on synthetic scenes.
_DRIFT_PX, _CARRIED_PX, _CARRIED_M = 0.17, 0.4, 3e-4
# A point that was lost while the fit does not know it is only looked for this long.
_COAST_S = 0.5
# How far from where its neighbours say a point may be that flow lost at first.
_NEAR_PX = 2.0
_MIN_DEPTH_M = 1e-3


@dataclass(frozen=True)
class _Picture:
    """What flow compares: the grey image of the last frame that could be used."""

    grey: np.ndarray
    stamp_ns: int


@dataclass(frozen=True)
class _Found:
    """Rows of the table that were found again: pixels, points (m), deviations of depth (m)."""

    rows: np.ndarray
    uv: np.ndarray
    xyz_m: np.ndarray
    sigma_m: np.ndarray

    def only(self, keep):
        """Return those where `keep` [M] is true."""
        return _Found(*(value[keep] for value in vars(self).values()))

    def joined(self, other):
        """Return these and the others."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return _Found(*(np.concatenate(pair) for pair in pairs))


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
        look_for = partial(self._find, table, previous.grey, current.grey, observation, deadline)
        found, looked = look_for(seen, table['uv'][seen], config.flow)
        motion = Motion(table['xyz_m'][found.rows], found.xyz_m)
        found = found.only(motion.plausible)
        # What an instrument or a highlight misled is looked for once more, where its neighbours
        # say that it is, and nowhere else.
        missed = np.setdiff1d(seen[looked], found.rows)
        guess = self._pixels(motion.carry(table['xyz_m'][missed]), table['uv'][missed])
        again, _ = look_for(missed, guess, replace(config.flow, levels=0))
        near = np.linalg.norm(again.uv - guess[np.searchsorted(missed, again.rows)], axis=1)
        found = found.joined(again.only(near <= _NEAR_PX))
        self._settle(table, found, motion, observation)
        self._explain(table, observation)
        return table, int(np.count_nonzero(~looked))

    def _find(self, table, previous, current, observation, deadline, rows, guess, config):
        """Return (_Found among rows, looked [M]): where flow and stereo see them, both gated."""
        uv, round_trip, looked = flow(
            previous, current, table['uv'][rows], guess, config, deadline
        )
        back = round_trip <= config.max_round_trip_px
        return self._measured(table, rows[back], uv[back], observation), looked

    def _measured(self, table, rows, uv, observation):
        """Return the _Found of rows at pixels uv whose depth is one that they can have."""
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
        found = _Found(rows, uv, camera.unproject(uv, depth_m), sigma_m)
        return found.only(inside & ~(by_stereo & jumped))

    def _settle(self, table, found, motion, observation):
        """Move rows to where they were found, and all others with the tissue, in place."""
        rows = found.rows
        others = np.setdiff1d(np.arange(len(table)), rows)
        table['xyz_m'][others] = motion.carry(table['xyz_m'][others])
        table['uv'][rows], table['xyz_m'][rows] = found.uv, found.xyz_m
        table['sigma_m'][rows] = found.sigma_m
        table['sigma_m'][others] = np.hypot(table['sigma_m'][others], _CARRIED_M)
        table['sigma_px'][rows] = np.hypot(table['sigma_px'][rows], _DRIFT_PX)
        table['sigma_px'][others] = np.hypot(table['sigma_px'][others], _CARRIED_PX)
        self.place(table, others)
        back = rows[~table['followed'][rows]]
        table['sigma_px'][back] = fused_px(table[back])
        table['since'][back] = observation.index
        table['offset'][back] = table['wanted'][back] = 0
        table['shift_m'][back] = 0
        table['rejected'][back] = 0
        table['followed'][others], table['followed'][rows] = False, True
        table['followed_ns'][rows] = observation.stamp_ns

    def _explain(self, table, observation):
        """Say of every row, in place, whether it is seen, and if not, why."""
        age_s = (observation.stamp_ns - table['followed_ns']) * 1e-9
        trusted = (table['known'] & ~table['hidden']) | (age_s <= _COAST_S)
        for rows, model in ((trusted, _vouched_for), (~trusted, _unheard_of)):
            uv, depth_m = table['uv'][rows], table['xyz_m'][rows, 2]
            table['cause'][rows] = look(
                self._camera, observation, uv, depth_m, model, self._visibility
            )

    def place(self, table, rows):
        """Set the pixels of rows, in place, to where their points project; finite in any case."""
        table['uv'][rows] = self._pixels(table['xyz_m'][rows], table['uv'][rows])

    def _pixels(self, xyz_m, otherwise):
        """Return where points [M, 3] project; `otherwise` [M, 2] for those behind the camera."""
        front = xyz_m[:, 2:] > _MIN_DEPTH_M
        return np.where(
            front, self._camera.left.project(np.where(front, xyz_m, [0.0, 0, 1])), otherwise
        )

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
