"""Every method on one synthetic scene, beside its exact truth."""

import time
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from surg_invnerf import controls
from surg_invnerf.measured_clip import measure
from surg_invnerf.model import query
from surg_invnerf.observations import Observations
from surg_invnerf.pipeline import TrackingConfig, TrackingPipeline
from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.config import SceneConfig
from surg_invnerf.track_scores import TrackScores, after_query, errors_mm, score
from surgical_perception.evaluation.tracking.accuracy import point_errors
from surgical_perception.geometry import se3

STATIC, CHAINING = 'static', 'DIS chaining + stereo'
OURS, KINEMATICS = 'ours', 'ours, exact poses'
HAND_EYE = 'ours, poses 5 mm / 2 deg off'
METHODS = (STATIC, CHAINING, OURS, KINEMATICS, HAND_EYE)

GRID_PX = 16
# A constant error of the hand-eye calibration, along and about axes that are none of the camera's.
_AXIS = np.array([0.6, -0.48, 0.64])
HAND_EYE_ERROR = se3.exp(np.concatenate([5e-3 * _AXIS, np.radians(2.0) * _AXIS[[2, 0, 1]]]))
_FEW, _MANY = 6, 32
_PROBES = 4096


@dataclass(frozen=True)
class Trial:
    """
    One method on one scene.

    errors_px, errors_mm        of all points that are truly visible after their query
    frame_px                    [T] mean error per frame
    measure_cpu_s, link_cpu_s, fit_cpu_s    CPU seconds; NaN where there is none
    inverse_error               largest |inverse(forward(x)) - x| in units of the workspace
    samples_px                  median change of a track between 6 and 32 samples along its ray
    """

    seed: int
    method: str
    scores: TrackScores
    errors_px: np.ndarray
    errors_mm: np.ndarray
    frame_px: np.ndarray
    measure_cpu_s: float
    link_cpu_s: float = float('nan')
    fit_cpu_s: float = float('nan')
    steps: int = 0
    inverse_error: float = float('nan')
    samples_px: float = float('nan')
    config: TrackingConfig = field(default_factory=TrackingConfig)


class Scene:
    """A scene, measured and linked once for all methods; rendering it is not their work."""

    def __init__(self, seed, frames, config, say, tool=True):
        self.seed, self.config = seed, config
        self.clip = SyntheticClip(SceneConfig(seed=seed, frames=frames, tool=tool))
        self.queries = self.clip.truth.tissue_grid(0, GRID_PX)
        say('truth')
        self.truth = self.clip.truth.track(self.queries)
        self.pipeline = TrackingPipeline(config)
        say('rendering')
        rendered = _Rendered(self.clip)
        say('measuring')
        began = time.process_time()
        measured = measure(rendered, config.observe, False, lambda *_: None)
        self.measure_cpu_s = time.process_time() - began
        self.observations, self.link_cpu_s = measured.observations, None

    def trial(self, method, say):
        """Run one of METHODS and return its Trial."""
        if method in (STATIC, CHAINING):
            say(method)
            began = time.process_time()
            control = controls.static if method == STATIC else controls.chain
            tracks = control(self.observations, self.queries)
            return self._judged(method, tracks, fit_cpu_s=time.process_time() - began)
        if self.link_cpu_s is None:
            say('linking')
            began = time.process_time()
            self.pipeline.link(self.observations)
            self.link_cpu_s = time.process_time() - began
        return self._fitted(method, say)

    def _fitted(self, method, say):
        observations = self._observations(method)
        began = time.process_time()
        fitted, _ = self.pipeline.fit(
            observations, lambda _, done, total, text: say(f'{method}: {done}/{total} {text}')
        )
        fit_cpu_s = time.process_time() - began
        _, tracks = self.pipeline.track(self.clip, fitted, observations, self.queries)
        return self._judged(
            method,
            tracks,
            link_cpu_s=self.link_cpu_s,
            fit_cpu_s=fit_cpu_s,
            steps=len(fitted.history['loss']),
            inverse_error=_inverse_error(fitted.model),
            samples_px=self._samples_px(fitted.model, observations),
        )

    def _observations(self, method):
        """Return the observations with the poses of a method."""
        frames = dict(self.observations.frames)
        if method != OURS:
            error = HAND_EYE_ERROR if method == HAND_EYE else np.eye(4)
            for index, frame in frames.items():
                pose = self.clip.truth.world_from_camera(index) @ error
                frames[index] = replace(frame, world_from_camera=pose)
        return Observations(
            self.observations.camera, method != OURS, frames, dict(self.observations.pairs)
        )

    def _samples_px(self, model, observations):
        frames = sorted(observations.frames)
        few, many = (
            query.project(
                observations.camera,
                query.positions(
                    model,
                    query.canonical_points(model, observations, self.queries, count).canonical,
                    frames,
                ),
            )
            for count in (_FEW, _MANY)
        )
        return float(np.median(np.linalg.norm(few - many, axis=-1)))

    def _judged(self, method, tracks, **numbers):
        judged = after_query(self.queries, np.arange(len(self.clip)))
        seen = self.truth.visible & judged
        error_px = point_errors(tracks.uv, self.truth.uv, seen)
        error_mm = errors_mm(tracks.xyz_m, self.truth, seen)
        scores = score(self.truth, judged, tracks.uv, tracks.xyz_m, tracks.visible, tracks.cov_m2)
        count = np.maximum(seen.sum(0), 1)
        frame_px = np.where(seen, error_px, 0).sum(0) / count
        return Trial(
            self.seed,
            method,
            scores,
            error_px[seen],
            error_mm[seen],
            frame_px,
            self.measure_cpu_s,
            config=self.config,
            **numbers,
        )


class _Rendered:
    """A clip whose frames have been rendered."""

    def __init__(self, clip):
        self.name, self.camera, self.fps = clip.name, clip.camera, clip.fps
        self._frames = list(clip.frames())

    def __len__(self):
        return len(self._frames)

    def frames(self):
        return iter(self._frames)


@torch.no_grad()
def _inverse_error(model):
    """Return the largest error of going there and back, in units of the workspace."""
    rng = np.random.default_rng(0)
    points = torch.as_tensor(rng.uniform(-1, 1, (_PROBES, 3)), dtype=torch.float32)
    slots = model.time_axis.slots(torch.as_tensor(rng.choice(model.frames, _PROBES)))
    there_and_back = model.mapping.inverse(model.mapping(points, slots), slots)
    return float((there_and_back - points).abs().max())
