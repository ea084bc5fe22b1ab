"""One synthetic scene as a stream: our live tracking, and chained flow over the same frames."""

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from surg_invnerf import controls
from surg_invnerf.live.config import LiveConfig
from surg_invnerf.live.pipeline import LivePipeline
from surg_invnerf.observations import Observations
from surg_invnerf.observe import Observer
from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.config import SceneConfig
from surgical_perception.evaluation.tracking.accuracy import DELTA_PX, point_errors

# The live fit starts with the second frame and needs some to settle; the first frames also see
# the interpreter's caches and the fit's process start.
WARM_UP = 20
# By then the window of the fit and its keyframes are full: memory has no reason left to grow.
FILLED = 60
LAST = 50


@dataclass(frozen=True)
class Stream:
    """
    What became of one scene; T frames, NaN where nothing was measured.

    ours_px, chain_px   [N, T] errors, NaN where the point is truly hidden
    seen_right          [T] share of the points whose visibility was told right
    latency_s           [T] of LivePipeline.process
    rss_mb              [T] of the tracker's process, and fit_rss_mb [T] of the fit's
    states              [T] names
    fit_steps           taken in all
    dropped             frames that came while the tracker was busy
    """

    seed: int
    mode: str
    deadline_s: float
    ours_px: np.ndarray
    chain_px: np.ndarray
    seen_right: np.ndarray
    latency_s: np.ndarray
    rss_mb: np.ndarray
    fit_rss_mb: np.ndarray
    states: tuple
    fit_steps: int
    dropped: int

    @property
    def slope_px(self):
        """Growth of the mean error per 100 frames, by least squares after the warm-up."""
        return _slope(frame_mean(self.ours_px))

    @property
    def chain_slope_px(self):
        """The same of chained flow."""
        return _slope(frame_mean(self.chain_px))

    @property
    def memory_slope_mb(self):
        """Growth of both processes' memory per 100 frames once the window is full."""
        return _slope(self.rss_mb + np.nan_to_num(self.fit_rss_mb), FILLED)


@dataclass(frozen=True)
class _Answer:
    """What is kept of a LiveResult: its images would look like a leak of the tracker."""

    index: int
    uv: np.ndarray
    visible: np.ndarray
    latency_s: float
    state: str
    reason: str
    fit_steps: int

    @classmethod
    def of(cls, result):
        """Take what is kept."""
        return cls(
            result.index,
            result.uv.copy(),
            result.visible.copy(),
            result.latency_s,
            result.state.name,
            result.reason,
            result.fit.steps,
        )


def delta_avg(errors_px, frames=slice(None)):
    """Return the mean share (%) of errors within 1, 2, 4, 8 and 16 px over some frames."""
    errors = errors_px[:, frames]
    errors = errors[~np.isnan(errors)]
    return 100 * float(np.mean([(errors < limit).mean() for limit in DELTA_PX]))


def run(seed, mode, frames, points, config=None, say=lambda text: None):
    """
    Return the Stream of a seed.

    mode    'lockstep': the fit takes its steps within each frame; 'process': frames come at the
            clip's rate, the fit does what it can beside, and late frames are dropped
    """
    config = config or LiveConfig()
    scene = SyntheticClip(SceneConfig(seed=seed, frames=frames))
    say('rendering')
    clip = list(scene.frames())  # before the clock runs: rendering is slower than the camera
    queries = _queries(scene, points)
    truth = scene.truth.track(queries)
    config = replace(config, max_points=points, grid_points=0, fit=replace(config.fit, host=mode))
    with LivePipeline(scene.camera, config) as live:
        live.add_queries(queries[:, :2])
        results, rss, dropped = _play(clip, live, scene.fps if mode == 'process' else None, say)
    say('chaining')
    chain = _chain(clip, scene.camera, queries)
    visible = truth.visible
    shape = visible.shape
    ours, seen = np.full((*shape, 2), np.nan), np.zeros(shape, bool)
    latency, memory = np.full(shape[1], np.nan), np.full((2, shape[1]), np.nan)
    states = [''] * shape[1]
    for result, used in zip(results, rss, strict=True):
        at = result.index
        ours[:, at], seen[:, at] = result.uv, result.visible
        latency[at], memory[:, at], states[at] = result.latency_s, used, result.state
    came = ~np.isnan(latency)
    told = np.where(came, (seen == visible).mean(0), np.nan)
    blank = np.where(visible & came, 0, np.nan)
    return Stream(
        seed,
        mode,
        config.deadline_s,
        np.where(came, point_errors(np.nan_to_num(ours), truth.uv), np.nan) + blank,
        point_errors(chain, truth.uv) + blank,
        told,
        latency,
        *memory,
        tuple(states),
        results[-1].fit_steps,
        dropped,
    )


def _queries(scene, points):
    """Return at most `points` queries on the tissue of frame 0, evenly spread."""
    step = 6
    while len(grid := scene.truth.tissue_grid(0, step)) > points:
        step += 1
    return grid


def _play(clip, live, fps, say):
    """Return (results, memory [(MB, MB)], dropped); with a rate, frames come when they are due."""
    results, rss, dropped = [], [], 0
    began = time.monotonic()
    for number, frame in enumerate(clip):
        if fps:
            due = began + number / fps
            # A node's mailbox holds one frame: what is older than the next one is gone.
            if time.monotonic() > due + 1 / fps and number:
                dropped += 1
                continue
            time.sleep(max(due - time.monotonic(), 0))
        results.append(_Answer.of(live.process(frame)))
        rss.append((_rss_mb(os.getpid()), _rss_mb(live.fit_pid)))
        say(f'frame {number}, {results[-1].state} {results[-1].reason}')
    return results, rss, dropped


def _rss_mb(pid):
    """Return the resident memory of a process, NaN without one."""
    try:
        pages = int(Path(f'/proc/{pid}/statm').read_text(encoding='utf-8').split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return float('nan')
    return pages * os.sysconf('SC_PAGE_SIZE') / 2**20


def _chain(clip, camera, queries):
    """Return the pixels [N, T, 2] of chained flow."""
    observer, held = Observer(camera), Observations(camera)
    for frame in clip:
        held.add(observer.observe(frame).observation)
    return controls.chain(held, queries).uv.astype(float)


def frame_mean(errors_px):
    """Return the mean [T] of the errors [N, T] that are there; NaN without any."""
    count = np.sum(~np.isnan(errors_px), 0)
    return np.where(count, np.nansum(errors_px, 0) / np.maximum(count, 1), np.nan)


def _slope(values, first=WARM_UP):
    frames = np.arange(len(values))
    good = ~np.isnan(values) & (frames >= first)
    if np.count_nonzero(good) < 2:
        return float('nan')
    return 100 * float(np.polyfit(frames[good], values[good], 1)[0])
