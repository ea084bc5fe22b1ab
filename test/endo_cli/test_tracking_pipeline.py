"""A clip in, tracks out: against exact truth, at full resolution, interrupted, and without ROS."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from surg_invnerf.clip import Clip
from surg_invnerf.observe import ObserveConfig
from surg_invnerf.pipeline import STAGES, TrackingConfig, TrackingPipeline, chosen_device
from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.config import SceneConfig
from surgical_perception.errors import InputError

SCENE = SceneConfig(seed=1, frames=6, width=160, height=128, tool=False)


class Altered(Clip):
    """Another clip's frames, each changed by a function."""

    def __init__(self, clip, change):
        self._clip, self._change = clip, change
        self.name, self.camera, self.fps, self.sources = clip.name, clip.camera, clip.fps, {}

    def __len__(self):
        return len(self._clip)

    def frames(self):
        return map(self._change, self._clip.frames())


@pytest.fixture(scope='module')
def scene():
    return SyntheticClip(SCENE)


@pytest.fixture(scope='module')
def clip(scene):
    """The scene, rendered once."""
    frames = list(scene.frames())
    return Altered(scene, lambda frame: frames[frame.index])


@pytest.fixture(scope='module')
def queries(scene):
    return scene.truth.tissue_grid(0, 16, 12)


def run(clip, queries=None, **settings):
    return TrackingPipeline(TrackingConfig(**settings)).run(clip, queries)


def test_points_are_tracked_better_than_by_standing_still(scene, clip, queries):
    told = []
    pipeline = TrackingPipeline(TrackingConfig(steps=60))
    result = pipeline.run(clip, queries, lambda *what: told.append(what))
    truth, tracks = scene.truth.track(queries), result.tracks
    assert tracks.frames.tolist() == list(range(SCENE.frames))
    last = truth.visible[:, -1]
    error = np.linalg.norm(tracks.uv - truth.uv, axis=-1)[last, -1]
    moved = np.linalg.norm(truth.uv[:, -1] - truth.uv[:, 0], axis=-1)[last]
    assert np.median(error) < np.median(moved) / 4
    error_m = np.linalg.norm(tracks.xyz_m - truth.xyz_m, axis=-1)[last, -1]
    assert np.median(error_m) < 4e-3
    assert result.tracks.visible[:, 0].mean() > 0.8
    assert not result.interrupted
    # Every stage says how far it is, in order, and ends.
    assert list(dict.fromkeys(stage for stage, *_ in told)) == list(STAGES)
    for stage in ('measuring', 'linking', 'tracking'):
        done, total = [what[1:3] for what in told if what[0] == stage][-1]
        assert done == total
    assert set(result.seconds) == set(STAGES)


def test_the_same_seed_gives_the_same_tracks(clip, queries):
    first, second = (run(clip, queries, steps=5, seed=3).tracks for _ in range(2))
    assert np.array_equal(first.xyz_m, second.xyz_m)


def test_tracks_are_in_pixels_of_the_clip_where_it_is_halved(scene, clip, queries):
    config = TrackingConfig(steps=5, observe=ObserveConfig(halve_above_width=100))
    result = TrackingPipeline(config).run(clip, queries)
    assert result.measured.observations.camera.left.width == 80
    np.testing.assert_allclose(result.tracks.uv[:, 0], queries[:, :2], atol=1.5)
    np.testing.assert_allclose(
        scene.camera.left.project(result.tracks.xyz_m.astype(float)), result.tracks.uv, atol=1e-2
    )


def test_without_queries_a_grid_of_the_first_frame_is_tracked(clip):
    result = run(clip, steps=2, grid_points=100)
    assert 60 < len(result.tracks.ids) <= 110
    assert (result.queries[:, 2] == 0).all()


def test_an_interrupted_fit_keeps_what_is_done(clip, queries):
    asked = []

    def cancelled():
        asked.append(None)
        return len(asked) > 4

    result = TrackingPipeline(TrackingConfig(steps=1000)).run(clip, queries, None, cancelled)
    assert result.interrupted
    assert len(result.fit.history['loss']) == 4
    assert np.isfinite(result.tracks.xyz_m).all()


def test_a_frame_that_cannot_be_used_is_named_and_left_out(clip, queries):
    def blank(frame):
        black = np.zeros_like(frame.left)
        return replace(frame, left=black, right=black) if frame.index == 2 else frame

    result = run(Altered(clip, blank), queries, steps=3)
    assert list(result.measured.refused) == [2]
    assert 'BLANK' in result.measured.refused[2]
    assert result.tracks.uv.shape[1] == SCENE.frames
    assert not result.tracks.visible[:, 2].any()
    with pytest.raises(InputError, match='names frame 2, which cannot be used: BLANK'):
        run(Altered(clip, blank), [[40, 40, 2]], steps=3)


def test_a_clip_without_two_usable_frames_is_refused(clip):
    def blank(frame):
        dark = np.full_like(frame.left, frame.index)
        return replace(frame, left=dark, right=dark) if frame.index else frame

    with pytest.raises(
        InputError, match='1 of 6 frames can be used, at least 2 are needed: BLANK'
    ):
        run(Altered(clip, blank))


def test_poses_are_taken_held_or_left_alone(scene, clip, queries):
    def posed(frame):
        known = scene.truth.world_from_camera(frame.index) if frame.index != 3 else None
        return replace(frame, world_from_camera=known)

    moving = Altered(clip, posed)
    result = run(moving, queries, steps=2)
    observed = result.measured.observations
    assert observed.has_poses
    assert result.measured.held_poses == 1
    np.testing.assert_array_equal(
        observed.frames[3].world_from_camera, observed.frames[2].world_from_camera
    )
    still = run(moving, queries, steps=2, kinematics=False).measured
    assert not still.observations.has_poses
    assert all(
        (frame.world_from_camera == np.eye(4)).all()
        for frame in still.observations.frames.values()
    )


def test_a_point_in_the_margin_that_is_cut_off_is_refused():
    clip = SyntheticClip(replace(SCENE, width=168, frames=2))
    with pytest.raises(InputError, match=r'query \(165, 60\) lies in the margin .* below \(160'):
        run(clip, [[165, 60, 0]])


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        ({'preset': 'huge'}, "preset is 'huge', expected one of small, full"),
        ({'steps': 0}, 'steps is 0'),
        ({'device': 'tpu'}, "device is 'tpu'"),
        ({'correspondence': 'eyes'}, "correspondence 'eyes' is unknown"),
        ({'correspondence_options': {'weights': 1}}, "'dis' cannot be made"),
    ],
)
def test_bad_settings_are_refused(settings, said):
    with pytest.raises(InputError, match=said):
        TrackingPipeline(TrackingConfig(**settings))


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    assert chosen_device('auto') == 'cpu'
    with pytest.raises(InputError, match='finds no GPU'):
        chosen_device('cuda')


def test_the_pipeline_needs_no_ros():
    code = (
        'import sys, surg_invnerf.pipeline, surg_invnerf.track_cli;'
        'print([m for m in sys.modules if m in ("rclpy", "sensor_msgs", "xray_registration")])'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'
