"""The controls on a plane whose texture slides sideways by a known amount."""

from dataclasses import replace

import numpy as np
import pytest
from textured_plane import TexturedPlane, stereo_camera

from surg_invnerf import controls
from surg_invnerf.observations import Observations
from surg_invnerf.observe import Observer
from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.config import SceneConfig
from surg_invnerf.tracks.result import Cause
from surgical_perception.errors import InputError

CAMERA = stereo_camera()
DEPTH_M = 0.06
STEP_M = np.array([6e-4, -3e-4])
STEP_PX = STEP_M * CAMERA.left.fx / DEPTH_M
FRAMES = 8


@pytest.fixture(scope='module')
def sliding():
    plane = TexturedPlane(CAMERA, DEPTH_M, 0, 0)
    observer, observations = Observer(CAMERA), Observations(CAMERA)
    for index in range(FRAMES):
        observed = observer.observe(plane.frame(index, index * STEP_M))
        observations.add(observed.observation)
    return observations


def queries(frame):
    u, v = np.meshgrid(np.arange(45, 116, 10), np.arange(35, 96, 10))
    return np.stack([u, v, np.full_like(u, frame)], -1).reshape(-1, 3).astype(float)


def truth(queries):
    steps = np.arange(FRAMES) - queries[:, 2:]
    return queries[:, None, :2] + steps[..., None] * STEP_PX


@pytest.mark.parametrize('frame', [0, 3, FRAMES - 1])
def test_a_chain_follows_the_texture_both_ways(sliding, frame):
    tracks = controls.chain(sliding, queries(frame))
    error = np.linalg.norm(tracks.uv - truth(queries(frame)), axis=-1)
    assert np.median(error) < 0.15
    assert error.max() < 1
    assert tracks.visible.mean() > 0.99
    np.testing.assert_allclose(tracks.xyz_m[..., 2], DEPTH_M, rtol=0.03)
    shift = tracks.xyz_m[:, -1, :2] - tracks.xyz_m[:, 0, :2]
    np.testing.assert_allclose(np.median(shift, 0), (FRAMES - 1) * STEP_M, atol=2e-4)


def test_static_points_stay_and_are_as_wrong_as_the_texture_moves(sliding):
    tracks = controls.static(sliding, queries(0))
    np.testing.assert_array_equal(tracks.uv, np.repeat(queries(0)[:, None, :2], FRAMES, 1))
    error = np.linalg.norm(tracks.uv - truth(queries(0)), axis=-1)
    np.testing.assert_allclose(error[:, -1], (FRAMES - 1) * np.linalg.norm(STEP_PX), rtol=1e-5)


def test_tracks_have_the_form_of_tracks(sliding):
    tracks = controls.chain(sliding, queries(2))
    count = len(queries(2))
    assert tracks.uv.shape == (count, FRAMES, 2)
    assert tracks.cov_m2.shape == (count, FRAMES, 3, 3)
    np.testing.assert_array_equal(tracks.frames, np.arange(FRAMES))
    np.testing.assert_allclose(tracks.uv[:, 2], queries(2)[:, :2])
    for numbers in (tracks.uv, tracks.xyz_m, tracks.cov_m2, tracks.confidence):
        assert np.isfinite(numbers).all()
    assert (np.linalg.eigvalsh(tracks.cov_m2.astype(float)) > 0).all()
    spread = np.trace(tracks.cov_m2, axis1=2, axis2=3).mean(0)
    assert spread[-1] > spread[2] < spread[0]
    np.testing.assert_allclose(
        CAMERA.left.project(tracks.xyz_m.astype(float)), tracks.uv, atol=1e-3
    )


def test_a_point_that_leaves_the_image_is_out_of_view(sliding):
    start = np.array([[157.0, 60.0, 0.0]])
    tracks = controls.chain(sliding, start)
    assert tracks.cause[0, 0] == Cause.VISIBLE
    assert tracks.cause[0, -1] == Cause.OUT_OF_VIEW


def test_points_behind_an_instrument_are_called_visible_less_often():
    clip = SyntheticClip(SceneConfig(seed=1, frames=8, width=160, height=128, fps=4))
    observer, observations = Observer(clip.camera), Observations(clip.camera)
    for frame in clip.frames():
        observations.add(observer.observe(frame).observation)
    grid = clip.truth.tissue_grid(0, 8)
    seen = clip.truth.track(grid).visible[:, 1:]
    said = controls.chain(observations, grid).visible[:, 1:]
    assert seen[said].mean() > 0.95
    assert seen[~said].mean() < 0.6
    assert (seen == said).mean() > seen.mean()


def test_depth_is_held_where_stereo_has_none(sliding):
    blind = Observations(CAMERA, frames=dict(sliding.frames))
    frame = blind.frames[5]
    blind.frames[5] = replace(
        frame,
        depth_m=np.full_like(frame.depth_m, 0.2),
        sigma_m=np.full_like(frame.sigma_m, np.inf),
    )
    tracks = controls.chain(blind, queries(0))
    np.testing.assert_array_equal(tracks.xyz_m[:, 5, 2], tracks.xyz_m[:, 4, 2])
    assert (tracks.cov_m2[:, 5, 2, 2] > tracks.cov_m2[:, 4, 2, 2]).all()


def test_a_query_in_a_frame_that_is_not_held_is_refused(sliding):
    with pytest.raises(InputError, match='frame 12'):
        controls.chain(sliding, [[50, 50, 12]])
