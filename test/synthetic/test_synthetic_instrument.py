"""The instrument: rays against capsules, checked by distances to their axes."""

import numpy as np
import pytest

from surg_invnerf.synthetic.config import SceneConfig
from surg_invnerf.synthetic.instrument import (
    Capsules,
    Instrument,
    in_front_of,
    instrument_normals,
    render_instrument,
)
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera

CAMERA = PinholeCamera(80, 64, 70.0, 70.0, 40.3, 30.9)


def distances(points, capsules):
    """Return the distance [N, C] of points to the surfaces of capsules; negative inside."""
    axis = capsules.ends - capsules.starts
    from_start = points[:, None] - capsules.starts
    share = np.einsum('ncd,cd->nc', from_start, axis) / (axis**2).sum(-1)
    nearest = capsules.starts + np.clip(share, 0, 1)[..., None] * axis
    return np.linalg.norm(points[:, None] - nearest, axis=-1) - capsules.radii_m


def rays():
    v, u = np.mgrid[: CAMERA.height, : CAMERA.width]
    x, y = (u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy
    return np.stack([x, y, np.ones_like(x)], -1).reshape(-1, 3)


@pytest.fixture(params=[0.0, 2.1, 5.5])
def capsules(request):
    return Instrument(SceneConfig(), np.random.default_rng(3)).at(request.param)


def test_a_ball_is_hit_in_front():
    ball = Capsules(np.array([[0, 0, 0.05]]), np.array([[0, 0, 0.06]]), np.array([0.01]), [0])
    camera = PinholeCamera(3, 3, 10.0, 10.0, 1.0, 1.0)
    assert render_instrument(ball, camera).depth_m[1, 1] == pytest.approx(0.04)


def test_pixels_see_the_surface_of_the_nearest_part(capsules):
    seen = render_instrument(capsules, CAMERA)
    shown = np.isfinite(seen.depth_m).ravel()
    assert 10 < shown.sum() < shown.size / 2
    points = (rays() * seen.depth_m.reshape(-1, 1))[shown]
    found = distances(points, capsules)
    np.testing.assert_allclose(found.min(1), 0, atol=1e-9)
    np.testing.assert_array_equal(found.argmin(1), seen.part.ravel()[shown])
    # Nothing lies before the hit.
    for share in np.linspace(0.3, 0.999, 40):
        assert distances(share * points, capsules).min() > 0


def test_pixels_that_see_none_pass_beside_every_part(capsules):
    missed = ~np.isfinite(render_instrument(capsules, CAMERA).depth_m).ravel()
    for depth_m in np.linspace(0.01, 0.15, 100):
        assert distances(depth_m * rays()[missed], capsules).min() > 0


def test_it_hides_what_lies_behind_it_and_nothing_else(capsules):
    seen = render_instrument(capsules, CAMERA)
    shown = np.isfinite(seen.depth_m).ravel()
    hit = rays()[shown] * seen.depth_m.ravel()[shown, None]
    assert in_front_of(capsules, 1.01 * hit).all()
    assert not in_front_of(capsules, 0.99 * hit).any()
    assert not in_front_of(capsules, 0.2 * rays()[~shown]).any()


def test_normals_are_gradients_of_the_distance(capsules):
    seen = render_instrument(capsules, CAMERA)
    shown = np.isfinite(seen.depth_m).ravel()
    points = (rays() * seen.depth_m.reshape(-1, 1))[shown]
    part = seen.part.ravel()[shown]
    normals, _, _ = instrument_normals(capsules, points, part)
    outside = distances(points + 1e-4 * normals, capsules)[np.arange(len(part)), part]
    np.testing.assert_allclose(outside, 1e-4, atol=1e-9)


def test_parts_are_joined_and_move_with_the_frame(capsules):
    np.testing.assert_array_equal(capsules.ends[0], capsules.starts[1])
    np.testing.assert_array_equal(capsules.ends[1], capsules.starts[2])
    lengths = np.linalg.norm(capsules.ends - capsules.starts, axis=-1)
    assert lengths == pytest.approx([0.16, 0.009, 0.011, 0.011])
    moved = capsules.transformed(se3.exp([0.1, 0, 0, 0, 0.3, 0]))
    assert np.linalg.norm(moved.ends - moved.starts, axis=-1) == pytest.approx(lengths)
