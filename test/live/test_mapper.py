"""The fit of a stream, with the real model on a small scene."""

import time
from dataclasses import replace

import numpy as np
import pytest

from surg_invnerf import session
from surg_invnerf.live.build import build_mapper, save_to, surface_of
from surg_invnerf.live.config import FitHostConfig, LiveConfig
from surg_invnerf.live.pipeline import LivePipeline
from surg_invnerf.live.result import State
from surg_invnerf.observe import Observer
from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.config import SceneConfig
from surgical_perception.errors import InputError

FRAMES = 7
# A window of 3 and one keyframe: frames where points were born leave early.
CONFIG = FitHostConfig(host='lockstep', steps=4, window=3, keyframes=1, gaps=(1, 2))


@pytest.fixture(scope='module')
def scene():
    config = SceneConfig(seed=1, frames=FRAMES, width=160, height=128, tool=False)
    clip = SyntheticClip(config)
    return clip, list(clip.frames())


@pytest.fixture(scope='module')
def observations(scene):
    clip, frames = scene
    observer = Observer(clip.camera)
    return observer.camera, [observer.observe(frame).observation for frame in frames]


def queries(clip, frame):
    return clip.truth.tissue_grid(frame, 24, margin_px=30)


def test_points_outlive_the_frames_in_which_they_were_born(scene, observations):
    clip, _ = scene
    camera, frames = observations
    mapper = build_mapper(camera, CONFIG)
    assert mapper.answer() is None
    assert surface_of(mapper) is None
    with pytest.raises(InputError, match='wait until'):
        mapper.anchored()
    # Frames of a stream that drops most of them, as the fit sees it.
    for number, frame in enumerate(frames):
        born = queries(clip, number)[:, :2] if number in (0, 1, 5) else np.zeros((0, 2))
        mapper.add(frame, 100 * number + np.arange(len(born)), born)
        for _ in range(CONFIG.steps):
            if mapper.ready:
                mapper.step()
    answer = mapper.answer()
    assert answer.frame == frames[-1].index
    assert len(mapper.observations.frames) == 4
    assert mapper.steps == CONFIG.steps * (FRAMES - 1)
    for number in (0, 1):
        asked = queries(clip, number)
        mine = answer.ids // 100 == number
        assert mine.sum() == len(asked)
        truth = clip.truth.track(asked).uv[:, -1]
        still = np.linalg.norm(truth - asked[:, :2], axis=1)
        error = np.linalg.norm(answer.uv[mine] - truth, axis=1)
        assert np.median(error) < np.median(still)
    assert (answer.ids // 100 == 5).sum() == len(queries(clip, 5))
    mapper.remove(answer.ids[:5])
    assert len(mapper.answer().ids) == len(answer.ids) - 5


def test_surface_and_session_are_saved_with_their_ids(observations, tmp_path):
    camera, frames = observations
    mapper = build_mapper(camera, CONFIG)
    pixels = np.array([[60.0, 60], [80, 60], [100, 70]])
    for frame in frames[:3]:
        mapper.add(frame, [4, 9, 11], pixels)
        if mapper.ready:
            mapper.step()
    assert surface_of(mapper).frame == frames[2].index
    directory = save_to(mapper, tmp_path / 'saved', next_id=12)
    names = {path.name for path in directory.iterdir()}
    assert names == {'surface.ply', 'surface.pcd', 'surface.npz', 'session.npz'}
    saved = session.load(directory / 'session.npz')
    assert saved.ids.tolist() == [4, 9, 11]
    assert saved.next_id == 12


def test_lockstep_is_deterministic(scene):
    clip, frames = scene
    config = LiveConfig(deadline_s=60.0, grid_points=40, max_points=40, fit=CONFIG)

    def run():
        with LivePipeline(clip.camera, config) as live:
            return [live.process(frame) for frame in frames[:4]][-1]

    first, second = run(), run()
    assert first.fit.steps == 3 * CONFIG.steps
    for name in ('ids', 'uv', 'xyz_m', 'cov_m2', 'cause'):
        assert np.array_equal(getattr(first, name), getattr(second, name))


def test_a_process_fits_beside_the_tracker_and_saves(scene, tmp_path):
    clip, frames = scene
    fit = FitHostConfig(host='process', steps=6, window=3, keyframes=1, gaps=(1,))
    config = LiveConfig(deadline_s=60.0, grid_points=40, max_points=40, fit=fit)
    with LivePipeline(clip.camera, config) as live:
        result = live.process(frames[0])
        assert result.state is State.BOOT
        # The stream goes on until the fit has answered; its images repeat.
        for number in range(1, 2000):
            result = live.process(_later(frames, number))
            if np.isfinite(result.disagreement_mm):
                break
            time.sleep(0.05)  # between two looks, as a camera has it
        assert result.state in (State.TRACKING, State.DEGRADED), result.reason
        assert result.fit.steps > 0
        assert np.isfinite(result.disagreement_mm)
        directory = live.save(tmp_path / 'saved')
        assert session.load(directory / 'session.npz').next_id == live.next_id
        live.surface()
        process = live.fit_pid
    assert process is not None


def _later(frames, number):
    """Return frame `number` of a stream that goes through the clip to and fro."""
    turn = number % (2 * FRAMES - 2)
    frame = frames[min(turn, 2 * FRAMES - 2 - turn)]
    return replace(frame, index=number, stamp_ns=frames[0].stamp_ns + number * 1_000_000)
