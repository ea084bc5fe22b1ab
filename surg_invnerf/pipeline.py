"""A clip in, tracks out: measure every frame, link them, fit the model, follow the points."""

import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from surg_invnerf.correspondence import registry
from surg_invnerf.correspondence.link import LinkConfig, Linker
from surg_invnerf.fit.config import FIT_PRESETS
from surg_invnerf.fit.fit import Fit, fit
from surg_invnerf.measured_clip import MeasuredClip, measure
from surg_invnerf.model import query
from surg_invnerf.model.config import PRESETS
from surg_invnerf.observe import ObserveConfig
from surg_invnerf.stereo.working_size import WorkingSize
from surg_invnerf.tracks.clip_tracks import over_all_frames
from surg_invnerf.tracks.query_points import checked_queries, query_grid, transferred
from surg_invnerf.tracks.result import Tracks
from surg_invnerf.tracks.tracker import TrackConfig, follow
from surgical_perception.errors import InputError

DEVICES = ('auto', 'cpu', 'cuda')
STAGES = ('measuring', 'linking', 'fitting', 'tracking')


@dataclass(frozen=True)
class TrackingConfig:
    """
    Everything that the pipeline may be told.

    preset                  size of model and fit: one of PRESETS
    steps                   limit of the fit's steps; None takes the preset's
    device                  one of DEVICES; auto is cuda where there is a GPU
    correspondence, stereo  names of a provider and of a matcher, with their options
    kinematics              whether poses that the clip brings are used
    grid_points             about so many queries where none are given
    seed                    of everything random
    """

    preset: str = 'small'
    steps: int | None = None
    device: str = 'auto'
    correspondence: str = 'dis'
    correspondence_options: dict = field(default_factory=dict)
    stereo: str = 'sgbm_dis'
    stereo_options: dict = field(default_factory=dict)
    kinematics: bool = True
    grid_points: int = 400
    seed: int = 0
    observe: ObserveConfig = field(default_factory=ObserveConfig)
    link: LinkConfig = field(default_factory=LinkConfig)
    track: TrackConfig = field(default_factory=TrackConfig)


@dataclass(frozen=True)
class TrackingResult:
    """
    What came of a clip.

    tracks          over all frames of the clip, in pixels of its images
    queries         [N, 3] (u, v, frame), in pixels of the clip's images
    points          their CanonicalPoints
    measured        the MeasuredClip, linked
    interrupted     whether the fit was ended before it was done
    seconds         {stage: {'wall': s, 'cpu': s}}
    """

    tracks: Tracks
    queries: np.ndarray
    points: query.CanonicalPoints
    measured: MeasuredClip
    fit: Fit
    interrupted: bool
    seconds: dict


class TrackingPipeline:
    """
    Test-time optimisation of clips.

    Raises InputError for a setting that cannot be used.
    """

    def __init__(self, config=None):
        self.config = config or TrackingConfig()
        if self.config.preset not in PRESETS:
            raise InputError(
                f'preset is {self.config.preset!r}, expected one of {", ".join(PRESETS)}'
            )
        if self.config.steps is not None and self.config.steps < 1:
            raise InputError(f'steps is {self.config.steps}, expected at least 1')
        self.device = chosen_device(self.config.device)
        self.provider = registry.make(
            self.config.correspondence, **self.config.correspondence_options
        )

    @property
    def fit_config(self):
        """The FitConfig of the settings."""
        preset = FIT_PRESETS[self.config.preset]
        steps = preset.steps if self.config.steps is None else self.config.steps
        return replace(preset, steps=steps, seed=self.config.seed)

    def run(self, clip, queries=None, progress=None, cancelled=None):
        """
        Track the queries of a Clip and return a TrackingResult.

        queries     [N, 3] (u, v, frame), pixels of the left images; None is a grid on frame 0
        progress    called as progress(stage, done, total, text), stage being one of STAGES
        cancelled   asked after each step of the fit; once true, what is fitted is kept

        Raises InputError for a clip or queries that cannot be used.
        """
        progress = progress or (lambda *_: None)
        if queries is not None:
            queries = checked_queries(queries, clip.camera.left, len(clip))
        clock = _Clock()
        with clock.measure('measuring'):
            measured = self.measure(clip, progress)
        observations = measured.observations
        if queries is None:
            queries = query_grid(observations, self.config.grid_points)
            queries = transferred(queries, observations.camera.left, clip.camera.left)
        self._check_usable(queries, clip, measured)
        with clock.measure('linking'):
            self.link(observations, progress)
        with clock.measure('fitting'):
            fitted, interrupted = self.fit(observations, progress, cancelled)
        with clock.measure('tracking'):
            progress('tracking', 0, 1, '')
            points, tracks = self.track(clip, fitted, observations, queries)
            progress('tracking', 1, 1, '')
        return TrackingResult(
            tracks, queries, points, measured, fitted, interrupted, clock.seconds
        )

    def measure(self, clip, progress=lambda *_: None):
        """Return the MeasuredClip of a clip."""
        config = self.config
        camera = WorkingSize(clip.camera, config.observe.halve_above_width).camera
        matcher = None  # the Observer's own, with its settings
        if config.stereo != TrackingConfig.stereo or config.stereo_options:
            matcher = registry.make_stereo(config.stereo, camera, **config.stereo_options)
        return measure(
            clip,
            config.observe,
            config.kinematics,
            lambda done, total: progress('measuring', done, total, ''),
            matcher,
        )

    def link(self, observations, progress=lambda *_: None):
        """Fill the pairs of observations."""
        Linker(self.provider, self.config.link).link(
            observations, lambda done, total: progress('linking', done, total, '')
        )

    def fit(self, observations, progress=lambda *_: None, cancelled=None):
        """Return the Fit of linked observations, and whether it was ended before it was done."""
        asked = []

        def stopped():
            asked.append(bool(cancelled and cancelled()))
            return asked[-1]

        def stepped(done, total, report):
            text = f'{report.reprojection_px:.2f} px, {report.converged_share:.0%} converged'
            progress('fitting', done, total, text)

        fitted = fit(
            observations,
            self.fit_config,
            PRESETS[self.config.preset],
            self.device,
            progress=stepped,
            cancelled=stopped,
        )
        return fitted, any(asked)

    def track(self, clip, fitted, observations, queries):
        """
        Return CanonicalPoints and Tracks of queries [N, 3] in pixels of the clip.

        The tracks are over all frames of the clip, in its pixels.
        """
        working, given = observations.camera.left, clip.camera.left
        points = query.canonical_points(
            fitted.model, observations, transferred(queries, given, working)
        )
        tracks = follow(
            fitted.model,
            observations,
            points.canonical,
            points.sigma_m,
            np.arange(len(queries)),
            self.config.track,
            error_grids=fitted.error_grids,
            picked=queries[:, 2],
        )
        tracks = replace(tracks, uv=transferred(tracks.uv, working, given).astype(np.float32))
        return points, over_all_frames(tracks, len(clip))

    @staticmethod
    def _check_usable(queries, clip, measured):
        """Raise InputError for a query of a refused frame, or in the margin that is cut off."""
        for u, v, frame in queries[np.isin(queries[:, 2], list(measured.refused))][:1]:
            raise InputError(
                f'the query ({u:g}, {v:g}) names frame {frame:g}, which cannot be used: '
                f'{measured.refused[int(frame)]}'
            )
        working, given = measured.observations.camera.left, clip.camera.left
        high = np.array([working.width, working.height]) - 0.5
        for u, v, _ in queries[(transferred(queries, given, working)[:, :2] >= high).any(1)][:1]:
            limit = transferred(high, working, given)
            raise InputError(
                f'the query ({u:g}, {v:g}) lies in the margin that is cut off, as sides must be '
                f'multiples of 16: keep below ({limit[0]:.0f}, {limit[1]:.0f})'
            )


def chosen_device(name):
    """Return 'cpu' or 'cuda' of one of DEVICES; raises InputError where it is not there."""
    if name not in DEVICES:
        raise InputError(f'device is {name!r}, expected one of {", ".join(DEVICES)}')
    has_gpu = torch.cuda.is_available()
    if name == 'cuda' and not has_gpu:
        raise InputError('device is cuda, but torch finds no GPU: use cpu or auto')
    return 'cuda' if has_gpu and name != 'cpu' else 'cpu'


class _Clock:
    """Wall and CPU seconds of stages."""

    def __init__(self):
        self.seconds = {}

    @contextmanager
    def measure(self, stage):
        wall, cpu = time.monotonic(), time.process_time()
        yield
        self.seconds[stage] = {
            'wall': time.monotonic() - wall,
            'cpu': time.process_time() - cpu,
        }
