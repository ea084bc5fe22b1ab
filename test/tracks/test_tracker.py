"""Tracks of tissue whose motion is a formula."""

import numpy as np
import pytest
from analytic_tissue import CAMERA, DEPTH_M, FRAMES, SIGMA_M, VELOCITY_M, MovingPlane, observe

from surg_invnerf.model.query import canonical_points
from surg_invnerf.tracks.result import Cause
from surg_invnerf.tracks.tracker import TrackConfig, follow, track
from surgical_perception.errors import InputError

QUERIES = np.array([[30.0, 20.0, 0], [10.25, 12.5, 2], [63.0, 40.0, 0]])


def exact(queries, camera_velocity_m=(0, 0, 0)):
    """Return the true points [N, T, 3] in the camera of each frame."""
    camera_velocity_m = np.asarray(camera_velocity_m, float)
    relative = VELOCITY_M - camera_velocity_m
    start = CAMERA.unproject(queries[:, :2], DEPTH_M + queries[:, 2] * relative[2])
    elapsed = np.array(FRAMES)[None, :, None] - queries[:, 2][:, None, None]
    return start[:, None] + elapsed * relative


@pytest.mark.parametrize('camera_velocity_m', [(0, 0, 0), (-4e-4, 2e-4, -3e-4)])
def test_positions_and_pixels_are_those_of_the_formula(camera_velocity_m):
    model = MovingPlane(camera_velocity_m)
    tracks = track(model, observe(model), QUERIES, ids=[7, 3, 12])
    np.testing.assert_allclose(tracks.xyz_m, exact(QUERIES, camera_velocity_m), atol=1e-7)
    np.testing.assert_allclose(tracks.uv, CAMERA.left.project(tracks.xyz_m), atol=1e-3)
    at_query = tracks.uv[np.arange(3), [FRAMES.index(f) for f in QUERIES[:, 2]]]
    np.testing.assert_allclose(at_query, QUERIES[:, :2], atol=1e-3)
    assert tracks.ids.tolist() == [7, 3, 12]
    assert tracks.frames.tolist() == FRAMES


def test_a_point_that_leaves_the_image_is_out_of_view_and_all_others_are_seen():
    model = MovingPlane()
    tracks = track(model, observe(model), QUERIES)
    leaves = exact(QUERIES)
    outside = CAMERA.left.project(leaves)[..., 0] > CAMERA.left.width - 0.5
    assert outside.any()
    expected = np.where(outside, Cause.OUT_OF_VIEW, Cause.VISIBLE)
    np.testing.assert_array_equal(tracks.cause, expected)


def test_uncertainty_grows_while_a_point_is_hidden_and_shrinks_when_it_is_seen_again():
    model = MovingPlane()
    hidden = observe(model, tool=lambda frame, _: np.full((48, 64), frame in (1, 2)))
    tracks = track(model, hidden, QUERIES[:1])
    assert tracks.cause[0].tolist() == [Cause.VISIBLE, Cause.TOOL, Cause.TOOL, Cause.VISIBLE]
    volume = np.linalg.det(tracks.cov_m2[0].astype(float))
    assert volume[0] < volume[1] < volume[2]
    assert volume[3] < volume[2]


def test_confidence_falls_while_a_point_is_hidden():
    model = MovingPlane()
    hidden = observe(model, tool=lambda frame, _: np.full((48, 64), frame > 0))
    confidence = track(model, hidden, QUERIES[:1]).confidence[0]
    assert confidence[3] < 0.97 < 0.99 < confidence[0]
    assert (np.diff(confidence) <= 0).all()


def test_the_residual_of_the_fit_is_read_where_the_point_is():
    model = MovingPlane()
    grid = np.zeros((6, 8))
    grid[2, 3] = 5.0  # columns 24 to 31, rows 16 to 23: the first query in frame 0
    tracks = track(model, observe(model), QUERIES, error_grids={0: grid})
    plain = track(model, observe(model), QUERIES)
    worse = tracks.cov_m2[..., 0, 0] > plain.cov_m2[..., 0, 0]
    assert worse.tolist() == [[True, False, False, False], [False] * 4, [False] * 4]


def test_a_point_behind_the_camera_has_finite_numbers_and_is_out_of_view():
    model = MovingPlane(camera_velocity_m=(0, 0, 0.02))
    model.depth_m = lambda frame: max(DEPTH_M - 0.0198 * frame, 0.01)  # the observed stays ahead
    tracks = track(model, observe(model), QUERIES[:1])
    assert tracks.xyz_m[0, -1, 2] < 0
    assert tracks.cause[0, -1] == Cause.OUT_OF_VIEW
    for name in ('uv', 'xyz_m', 'cov_m2', 'confidence'):
        assert np.isfinite(getattr(tracks, name)).all(), name


def test_some_frames_can_be_asked_for():
    model = MovingPlane()
    tracks = track(model, observe(model), QUERIES, frames=[1, 5])
    every = track(model, observe(model), QUERIES)
    np.testing.assert_array_equal(tracks.uv, every.uv[:, [1, 3]])


def test_no_queries_give_no_tracks():
    model = MovingPlane()
    tracks = track(model, observe(model), np.empty((0, 3)))
    assert tracks.uv.shape == (0, len(FRAMES), 2)
    assert tracks.cov_m2.shape == (0, len(FRAMES), 3, 3)


@pytest.mark.parametrize(
    ('queries', 'message'),
    [
        ([[10, 10, 3]], 'frame 3, which is none of the 4 frames of the model, 0 to 5'),
        ([[10, 10, 1.5]], 'frame 1.5'),
        ([[64, 10, 0]], r'\(64, 10\) of frame 0 lies outside the 64x48 image'),
        ([[10, -0.6, 0]], 'outside'),
        ([[10, np.nan, 0]], 'finite'),
        ([10, 10, 0], r'shape \[3\]'),
    ],
)
def test_queries_that_mean_nothing_are_refused(queries, message):
    model = MovingPlane()
    with pytest.raises(InputError, match=message):
        track(model, observe(model), queries)


def test_ids_that_name_two_points_are_refused():
    model = MovingPlane()
    with pytest.raises(InputError, match='different ids'):
        track(model, observe(model), QUERIES, ids=[1, 1, 2])


def test_depth_uncertainty_at_the_query_is_carried_along():
    model, config = MovingPlane(), TrackConfig()
    sure = track(model, observe(model), QUERIES)
    model.render = _spread(model.render, 1e-3)
    unsure = track(model, observe(model), QUERIES)
    added = unsure.cov_m2[..., 2, 2] - sure.cov_m2[..., 2, 2]
    share = config.covariance.ray_share
    np.testing.assert_allclose(added, share**2 * (1e-3**2 - SIGMA_M**2), rtol=1e-3)


def test_depth_is_where_stereo_sees_the_point_in_all_frames_together():
    """The model's surface lies 1 mm too near; stereo errs in frame 1, where it also says so."""
    model = MovingPlane()
    true_z_m = exact(QUERIES[:1])[..., 2] + 1e-3

    def measured(frame, depth):
        return depth + 1e-3 + 5e-4 * (frame == 1)

    unsure = observe(
        model, depth_m=measured, sigma_m=lambda frame, sigma: sigma * (100 if frame == 1 else 1)
    )
    before = track(model, unsure, QUERIES[:1], config=TrackConfig(model_disparity_px=1e-9))
    after = track(model, unsure, QUERIES[:1], config=TrackConfig(model_disparity_px=1e3))
    np.testing.assert_allclose(before.xyz_m[..., 2], true_z_m - 1e-3, atol=1e-6)
    np.testing.assert_allclose(after.xyz_m[..., 2], true_z_m, atol=2e-5)
    np.testing.assert_allclose(after.uv, before.uv, atol=1e-4)
    np.testing.assert_allclose(CAMERA.left.project(after.xyz_m), after.uv, atol=1e-3)


def test_what_stereo_says_otherwise_is_uncertainty():
    model = MovingPlane()
    off = observe(model, depth_m=lambda frame, depth: depth + 1e-3 * (frame == 2))
    alone = TrackConfig(model_disparity_px=1e-9)
    tracks, plain = (track(model, o, QUERIES[:1], config=alone) for o in (off, observe(model)))
    added = tracks.cov_m2[0, :, 2, 2] - plain.cov_m2[0, :, 2, 2]
    share = TrackConfig().covariance.disagreement_share
    np.testing.assert_allclose(added, [0, 0, (share * 1e-3) ** 2, 0], rtol=1e-3, atol=1e-12)


def test_a_point_drifts_from_where_it_was_picked():
    model = MovingPlane()
    first = track(model, observe(model), QUERIES[:1])
    last = track(model, observe(model), [[*first.uv[0, -1], FRAMES[-1]]])
    np.testing.assert_allclose(last.uv, first.uv, atol=1e-3)
    variance = first.cov_m2[0, :, 0, 0], last.cov_m2[0, :, 0, 0]
    assert variance[0][0] < variance[1][0]
    assert variance[0][-1] > variance[1][-1]


@pytest.mark.parametrize(('stays', 'cause'), [(True, Cause.SELF), (False, Cause.TOOL)])
def test_what_hides_a_point_is_tissue_where_it_stays_on_the_surface(stays, cause):
    """A ridge moves with the tissue, or a tool is there in frame 2 only; no mask tells."""
    model = MovingPlane()

    def raised(frame, depth):
        depth = depth.copy()
        if stays or frame == 2:
            u, v = 24 + round(0.8 * frame), 14 + round(0.4 * frame)
            depth[v : v + 14, u : u + 14] -= 0.012
        return depth

    observations = observe(model, depth_m=raised)
    # The query sees the plane in frame 2 beside the ridge; its canonical point is then moved
    # under it, as tissue that slides below a fold.
    points = canonical_points(model, observations, [[10, 21, 2]])
    beneath = points.canonical.copy()
    beneath[:, 0] += 22 * DEPTH_M / 80
    tracks = follow(model, observations, beneath, points.sigma_m, [0], frames=[2])
    assert tracks.cause.tolist() == [[cause]]


def _spread(render, spread_m):
    """Return a render function whose rays see the surface less sharply."""

    def wrapped(*args):
        rendering = render(*args)
        rendering.spread_m[:] = spread_m
        return rendering

    return wrapped
