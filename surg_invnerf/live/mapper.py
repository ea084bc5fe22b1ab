"""The fit of a stream: window and keyframes held, steps taken, tracked points answered for."""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from surg_invnerf.live.anchor import Answer
from surg_invnerf.live.window import retained
from surg_invnerf.model import query
from surg_invnerf.observations import Observations
from surg_invnerf.tracks.result import Cause
from surg_invnerf.tracks.tracker import follow
from surg_invnerf.tracks.visibility import in_view
from surgical_perception.errors import InputError

# The fit's deviation in the newest frame, which it knows least, against its residual (the median
# over its latest steps).  From the errors on synthetic scenes.
_SIGMA_PX, _SIGMA_OVER_RESIDUAL = 0.4, 2.0


@dataclass
class _Anchored:
    """Points of the fit: the pixel and frame that define each, and where that is on the tissue."""

    ids: np.ndarray  # [N] int64
    queries: np.ndarray  # [N, 3] (u, v, frame); frame -1: only the canonical point is left
    canonical: np.ndarray  # [N, 3]
    sigma_m: np.ndarray  # [N]

    @classmethod
    def none(cls):
        return cls(np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))

    def kept(self, keep):
        return _Anchored(*(value[keep] for value in vars(self).values()))


class Mapper:
    """
    Fits the model to the frames that it is given, and says where points are in the newest.

    It counts the frames that it takes: a stream of which it takes every fifth looks to it like
    one of a fifth of the rate, with neighbours at distance 1.
    """

    def __init__(self, camera, config, linker, make_fitter):
        """
        Take the working-size StereoCamera, a FitHostConfig and a Linker.

        make_fitter(observations) returns a Fitter; it is called when the second frame is there.
        """
        self._camera, self._config = camera, config
        self._linker, self._make_fitter = linker, make_fitter
        self._fitter = None
        self._observations = None
        self._frames = {}  # number of a taken frame: index in the stream
        self._taken = 0
        self._residuals_px = deque(maxlen=2 * config.steps)
        self._points = _Anchored.none()
        self.steps = 0

    @property
    def ready(self):
        """Whether there is something to fit."""
        return self._fitter is not None

    @property
    def model(self):
        """The fitted TissueModel, or None."""
        return self._fitter.model if self.ready else None

    @property
    def newest(self):
        """(own number, index in the stream) of the newest frame that was taken."""
        number = max(self._frames)
        return number, self._frames[number]

    @property
    def observations(self):
        """The frames that are held, under their own numbers."""
        return self._observations

    def add(self, observation, ids=(), uv=(), has_poses=False):
        """Take a frame, and points ids [N] first seen in it at uv [N, 2]."""
        number, self._taken = self._taken, self._taken + 1
        self._frames[number] = observation.index
        if self._observations is None:
            self._observations = Observations(self._camera, has_poses)
        held = self._observations
        # Before the model is asked to know the new frame: what goes is still on its time axis.
        self._make_room(number)
        held.add(replace(observation, index=number))
        held.add(held.frames[number], self._linker.new_pairs(held, number))
        self._bear(np.asarray(ids, np.int64), np.asarray(uv, float).reshape(-1, 2), number)
        if self.ready:
            self._fitter.refresh()
        elif held.pairs:
            self._fitter = self._make_fitter(held)

    def _bear(self, ids, uv, number):
        new = ~np.isin(ids, self._points.ids)
        queries = np.column_stack([uv, np.full(len(uv), number)])[new]
        points, count = self._points, len(queries)
        self._points = _Anchored(
            np.concatenate([points.ids, ids[new]]),
            np.concatenate([points.queries, queries]),
            np.concatenate([points.canonical, np.zeros((count, 3))]),
            np.concatenate([points.sigma_m, np.zeros(count)]),
        )

    def _make_room(self, number):
        births = {int(frame) for frame in self._points.queries[:, 2] if frame >= 0}
        config, held = self._config, self._observations
        keep = retained([*held.frames, number], config.window, config.keyframes, births)[:-1]
        gone = births.difference(keep)
        if gone and self.ready:
            self._locate()
            for frame in gone:
                self._move(frame, keep)
        elif gone:  # never fitted: the tracker will name them again, in a frame that stays
            self.remove(self._points.ids[np.isin(self._points.queries[:, 2], list(gone))])
        held.retain(keep)
        self._frames = {known: self._frames[known] for known in (*keep, number)}

    def _move(self, frame, keep):
        """Define the points born in a frame that goes by pixels in the nearest one that stays."""
        at = np.flatnonzero(self._points.queries[:, 2] == frame)
        nearest = min(keep, key=lambda number: abs(number - frame))
        xyz_m = query.positions(self.model, self._points.canonical[at], [nearest])[:, 0]
        uv = query.project(self._camera, xyz_m)
        inside = in_view(self._camera, uv, xyz_m[:, 2])
        moved = np.column_stack([uv, np.where(inside, nearest, -1)])
        self._points.queries[at] = np.nan_to_num(moved, nan=-1)

    def remove(self, ids):
        """Forget points."""
        self._points = self._points.kept(~np.isin(self._points.ids, ids))

    def step(self):
        """Take one step of the fit; none is taken where no two frames have correspondences."""
        report = self._fitter.step()
        if report is not None:
            self._residuals_px.append(report.reprojection_px)
        self.steps += 1

    def _locate(self):
        """Find the points on the tissue anew: what a pixel means changes as the fit goes on."""
        points = self._points
        defined = points.queries[:, 2] >= 0
        if defined.any():
            found = query.canonical_points(self.model, self._observations, points.queries[defined])
            points.canonical[defined] = found.canonical
            points.sigma_m[defined] = found.sigma_m

    def answer(self):
        """Return the Answer for the newest frame, or None before the first step."""
        if not self._residuals_px:
            return None
        self._locate()
        number, index = self.newest
        points = self._points
        tracks = follow(
            self.model,
            self._observations,
            points.canonical,
            points.sigma_m,
            points.ids,
            frames=np.array([number]),
        )
        residual_px = float(np.median(self._residuals_px))
        uv, xyz_m = tracks.uv[:, 0].astype(float), tracks.xyz_m[:, 0].astype(float)
        good = np.isfinite(uv).all(1) & np.isfinite(xyz_m).all(1)
        return Answer(
            index,
            points.ids[good],
            uv[good],
            xyz_m[good],
            np.isin(tracks.cause[good, 0], (Cause.SELF, Cause.TOOL)),
            float(np.hypot(_SIGMA_PX, _SIGMA_OVER_RESIDUAL * residual_px)),
            self.steps,
            residual_px,
        )

    def anchored(self):
        """Return (ids [N], canonical [N, 3], sigma_m [N]) of the points, for a saved session."""
        if not self.ready:
            raise InputError('nothing was fitted yet: wait until the state is TRACKING')
        self._locate()
        return self._points.ids, self._points.canonical, self._points.sigma_m
