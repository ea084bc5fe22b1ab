"""Live tracking: one call per stereo frame, with the fit beside it."""

import time
from dataclasses import replace
from functools import partial

import numpy as np

from surg_invnerf.live.anchor import Anchor
from surg_invnerf.live.beside import FitBeside, LockstepFit, NoFit
from surg_invnerf.live.build import build_mapper
from surg_invnerf.live.config import LiveConfig
from surg_invnerf.live.describe import describe
from surg_invnerf.live.health import Signs, judge
from surg_invnerf.live.points import Points
from surg_invnerf.live.progress import Progress
from surg_invnerf.live.queries import Queries
from surg_invnerf.live.tracker import PointTracker
from surg_invnerf.live.watchdog import Watchdog
from surg_invnerf.observe import Observer, Quality
from surg_invnerf.tracks.result import Cause
from surg_invnerf.tracks.visibility import in_view, pixel_of

# In all other frames nothing can be found again.
_USABLE = (Quality.GOOD, Quality.DEGRADED)
_SAVE_TIMEOUT_S = 60.0


class LivePipeline:
    """
    Tracks points through a stereo stream: flow and stereo every frame, corrected by the fit.

    One thread calls `process`; `save` may be called from another.  `close` it, or use `with`.
    Where fit.host is 'process', a script needs the usual `if __name__ == '__main__'`.
    """

    def __init__(self, camera, config=None, first_id=0, build=None, make_observer=None):
        """
        Take the StereoCamera of incoming frames, a LiveConfig, and the first id to give.

        build, make_observer    functions that return the Mapper and the Observer; None for those
                                that the configuration names
        Raises InputError for a camera or configuration that cannot be.
        """
        self.config = (config or LiveConfig()).validated()
        self._full = camera.validated()
        self._make_observer = make_observer or partial(Observer, camera)
        self._observer = self._make_observer()
        self.camera = self._observer.camera  # StereoCamera of results at working size
        self._points = Points(self.config.max_points, first_id)
        self._queries = Queries(self._points, self._full, self.camera)
        self._tracker = PointTracker(self.camera, self.config)
        self._anchor = Anchor(self.camera, self.config.anchor)
        lockstep = self.config.fit.host == 'lockstep'
        # There no clock may decide anything: results are to be the same each time.
        self._time_s = float('inf') if lockstep else self.config.deadline_s
        self._watchdog = Watchdog(self._time_s)
        self._fit = _fit_for(self.config.fit, build, self.camera)
        self._last_stamp_ns = None
        self._reset_reason = ''  # said until the new fit has answered
        self._begin()

    def _begin(self):
        self._last = None  # the last observation that could be used
        self._has_poses = self._seeded = False
        self._progress = Progress()

    @property
    def next_id(self):
        """The id that the next point will get."""
        return self._points.next_id

    @property
    def fit_pid(self):
        """The id of the fit's process; None where it has none of its own."""
        return self._fit.pid

    def process(self, frame):
        """
        Track every point into a StereoFrame and return the LiveResult.

        A stamp that does not rise means a clock that jumped back: everything but the ids is
        forgotten and tracking starts over.  Indices of frames must rise all the same.
        """
        began = time.monotonic()
        if self._last_stamp_ns is not None and frame.stamp_ns <= self._last_stamp_ns:
            back_s = (self._last_stamp_ns - frame.stamp_ns) * 1e-9
            self.reset(f'the clock jumped back by {back_s:.3f} s')
        self._last_stamp_ns = frame.stamp_ns
        observed = self._observer.observe(frame)
        usable = observed.quality in _USABLE
        observation = self._posed(frame, observed.observation) if usable else None
        late = 0
        if usable:
            late = self._track(observation, began + self._time_s)
        else:
            self._tracker.wait(self._points.table)
        state, reason = judge(self._signs(frame, observed, usable, late), self.config.health)
        result = describe(
            self._points.table,
            frame,
            (self._full, self.camera),
            observation,
            state=state,
            reason=reason,
            disagreement_mm=1e3 * self._anchor.disagreement_m,
            refusals=dict(self._points.refusals),
            late=late,
            latency_s=time.monotonic() - began,
            fit=self._progress.status(frame.stamp_ns, self._fit),
        )
        pace = self._watchdog.pace
        if self._watchdog.observe(result.latency_s) != pace:
            self._fit.pace(self._watchdog.pace)
        return result

    def _posed(self, frame, observation):
        """Return the observation with the last known pose where kinematics gave none."""
        if self._last is None:
            self._has_poses = frame.world_from_camera is not None
        elif self._has_poses and frame.world_from_camera is None:
            return replace(observation, world_from_camera=self._last.world_from_camera)
        return observation

    def _track(self, observation, deadline):
        """Track into an observation; return the number of points that the deadline left out."""
        points = self._points
        points.table, late = self._tracker.advance(points.table, observation, deadline)
        self._last = observation
        self._queries.plant(observation)
        if not self._seeded:
            self._queries.seed(observation, self.config.grid_points)
            self._seeded = True
        self._anchor.remember(observation.index, points.table)
        self._progress.passed(observation)
        born = points.table['followed'] & ~points.table['known']
        column, row = pixel_of(self.camera, points.table['uv'])
        born &= (self._tracker.sound & observation.measured)[row, column]
        restarts = self._fit.restarts
        answers = self._fit.exchange(
            observation, points.table['id'][born], points.table['uv'][born], self._has_poses
        )
        if self._fit.restarts > restarts:
            points.table['known'] = False  # to the new map
        for answer in answers:
            if not self._progress.knows(answer.frame):
                continue  # it was on its way when everything was reset
            points.table = self._anchor.apply(answer, points.table)
            self._progress.answered(answer)
            self._reset_reason = ''
        self._tracker.place(points.table, np.flatnonzero(~points.table['followed']))
        points.table, moved = self._anchor.relax(points.table)
        self._tracker.remeasure(points.table, moved, observation)
        return late

    def _signs(self, frame, observed, usable, late):
        table, camera = self._points.table, self.camera
        degraded = [self._reset_reason, self._fit.problem]
        if usable and observed.quality is not Quality.GOOD:
            degraded.append(observed.reason)
        if self._has_poses and frame.world_from_camera is None:
            degraded.append('no camera pose: the last one is held')
        within = in_view(camera, table['uv'], table['xyz_m'][:, 2])
        return Signs(
            lost='' if usable else observed.reason,
            degraded=tuple(filter(None, degraded)),
            points=len(table),
            seen=np.count_nonzero(table['followed']),
            in_view=np.count_nonzero(within & (table['cause'] != Cause.TOOL)),
            late=late,
            fitting=self.config.fit.host != 'off',
            answered=self._progress.frame >= 0,
            fit_age_s=self._progress.age_s(frame.stamp_ns),
            disagreement_m=self._anchor.disagreement_m,
        )

    def add_queries(self, uv):
        """
        Track pixels uv [N, 2] of the last frame's full-size left image; return ids [N].

        Before the first frame, those of the first.  -1 for what is refused: outside the image,
        or over the budget; LiveResult.refusals counts them.
        """
        return self._queries.add(uv, self._last)

    def add_points(self, xyz_m):
        """Track the pixels to which points [N, 3] (m, left camera) project; as `add_queries`."""
        xyz_m = np.asarray(xyz_m, np.float64).reshape(-1, 3)
        front = np.isfinite(xyz_m).all(1) & (xyz_m[:, 2] > 0)
        uv = np.full((len(xyz_m), 2), np.nan)
        uv[front] = np.rint(self._full.left.project(xyz_m[front]))
        return self.add_queries(uv)

    def remove(self, ids):
        """Forget points; return how many there were."""
        self._fit.remove(ids)
        return self._points.remove(ids) + self._queries.remove(ids)

    def reset(self, reason):
        """Forget points, fit and history; ids go on.  The grid is seeded anew."""
        self._points.clear()
        self._queries.clear()
        self._tracker.forget()
        self._anchor.forget()
        self._observer = self._make_observer()
        self._fit.reset()
        self._begin()
        self._last_stamp_ns = None
        self._reset_reason = f'reset: {reason}'

    def surface(self):
        """Return the newest Surface of the fit, or None before the first; never waits."""
        return self._fit.surface()

    def save(self, directory):
        """
        Write surface.ply, surface.pcd, surface.npz and session.npz; return the directory.

        Waits for the fit; raises InputError while there is none.
        """
        return self._fit.save(directory, self.next_id, _SAVE_TIMEOUT_S)

    def close(self):
        """End the fit's process or thread."""
        self._fit.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _fit_for(config, build, camera):
    build = build or partial(build_mapper, camera, config)
    kinds = {'process': FitBeside, 'thread': FitBeside, 'lockstep': LockstepFit}
    return kinds[config.host](build, config) if config.host in kinds else NoFit()
