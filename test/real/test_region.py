import numpy as np
import pytest

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.drr import render
from xray_registration.pyramid import VolumePyramid
from xray_registration.region import (
    COVERED,
    Window,
    around_projection,
    continuation,
    left_out,
    share_in_view,
)
from xray_registration.volume.attenuation import AttenuationVolume

SPACING_M = 2e-3
RADIUS_M = 0.02
CAMERA = PinholeCamera.from_carm(200, 160, sdd_mm=1000.0, du_mm=1.0)
DEPTH_M = 0.8


def draw(volume, camera, pose, mask=None):
    return render(volume, camera, pose, mask=mask).image[0]


@pytest.fixture(scope='module')
def ball():
    """A ball of 20 mm radius about the origin of `ct`."""
    axis = (np.arange(31) - 15) * SPACING_M
    z, y, x = np.meshgrid(axis, axis, axis, indexing='ij')
    mu = np.where(x**2 + y**2 + z**2 < RADIUS_M**2, 50.0, 0.0).astype(np.float32)
    affine = np.diag([SPACING_M, SPACING_M, SPACING_M, 1.0])
    affine[:3, 3] = axis[0]
    return AttenuationVolume(mu, affine)


def pose_at(x_m=0.0, y_m=0.0):
    return se3.from_rotation_translation(np.eye(3), [x_m, y_m, DEPTH_M])


def whole_window():
    image = np.random.default_rng(0).random((CAMERA.height, CAMERA.width)).astype(np.float32)
    return Window(image, np.ones(image.shape, bool), CAMERA)


def test_the_region_is_the_ball_and_its_margin(ball):
    margin_m = 5e-3
    window = around_projection(whole_window(), pose_at(0.01), np.zeros(3), ball, margin_m, draw)
    # Of a cone that touches a ball: tan(asin(r / d)) on the optical axis, nearly so beside it.
    edge_px = CAMERA.fx * (RADIUS_M / np.sqrt(DEPTH_M**2 - RADIUS_M**2) + margin_m / DEPTH_M)
    assert window.mask.shape == pytest.approx((2 * edge_px, 2 * edge_px), abs=6)
    assert window.mask.sum() == pytest.approx(np.pi * edge_px**2, rel=0.08)
    centre = window.camera.project(se3.apply(pose_at(0.01), np.zeros(3)))
    assert centre == pytest.approx((np.array(window.mask.shape[::-1]) - 1) / 2, abs=2)


def test_the_cropped_camera_sees_the_same_picture(ball):
    whole = whole_window()
    window = around_projection(whole, pose_at(), np.zeros(3), ball, 5e-3, draw)
    left, top = (round(CAMERA.cx - window.camera.cx), round(CAMERA.cy - window.camera.cy))
    height, width = window.image.shape
    crop = np.s_[top : top + height, left : left + width]
    np.testing.assert_array_equal(window.image, whole.image[crop])
    np.testing.assert_allclose(
        draw(ball, window.camera, pose_at()), draw(ball, CAMERA, pose_at())[crop], atol=1e-4
    )


def test_masked_pixels_stay_out_and_a_projection_outside_changes_nothing(ball):
    whole = whole_window()
    whole.mask[:, :100] = False
    window = around_projection(whole, pose_at(), np.zeros(3), ball, 5e-3, draw)
    assert window.camera.cx == pytest.approx(CAMERA.cx - 100)
    outside = around_projection(whole, pose_at(1.0), np.zeros(3), ball, 5e-3, draw)
    assert outside is whole


@pytest.mark.parametrize('x_m, share', [(0.0, 1.0), (0.08, 0.5), (0.3, 0.0)])
def test_share_in_view(ball, x_m, share):
    # The right edge of the image is at 0.0796 m at the ball's depth.
    found = share_in_view(whole_window(), pose_at(x_m), ball, draw)
    assert found == pytest.approx(share, abs=0.04)


def test_only_faces_that_cut_a_body_are_carried_on(ball):
    assert continuation(ball, ball) is None
    cut = AttenuationVolume(ball.mu_per_m[:, :, 15:].copy(), ball.ct_from_index)
    beyond = continuation(cut, cut)
    assert beyond.mu_per_m.shape[:2] == cut.mu_per_m.shape[:2]
    added = beyond.mu_per_m.shape[2] - cut.mu_per_m.shape[2]
    assert not beyond.mu_per_m[:, :, added:].any()
    np.testing.assert_array_equal(beyond.mu_per_m[:, :, 0], cut.mu_per_m[:, :, 0])
    # The first voxel of the CT is where it was.
    index = np.array([added, 0.0, 0.0])
    at = se3.apply(beyond.ct_from_index, index)
    np.testing.assert_allclose(at, cut.ct_from_index[:3, 3], atol=1e-12)


@pytest.mark.parametrize('margin', [0, 1])
def test_a_body_that_its_stack_is_cropped_to_is_not_cut(ball, margin):
    """A coarse grid has blurred such a body up to the faces."""
    filled = np.argwhere(ball.mu_per_m > 0)
    low, high = filled.min(0) - margin, filled.max(0) + 1 + margin
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    cropped = AttenuationVolume(ball.mu_per_m[box].copy(), ball.ct_from_index)
    coarse = cropped.resampled(8e-3)
    assert coarse.mu_per_m[0].max() > 2.7
    # A ball's pole covers 21 voxels of 4 mm2 where the crop is tight: that much is cut.
    assert (continuation(cropped, coarse) is None) == (margin > 0)
    assert VolumePyramid(cropped).continuation() is None or margin == 0


def test_rays_through_a_cut_face_are_left_out_and_no_others(ball):
    """A ball cut in its middle plane, seen along that plane: rays on the other side are out."""
    half = ball.mu_per_m[:, :, 15:].copy()
    affine = ball.ct_from_index.copy()
    affine[0, 3] += 15 * SPACING_M
    cut = AttenuationVolume(half, affine)
    window = left_out(whole_window(), pose_at(), continuation(cut, cut), draw)
    out = ~window.mask
    whole = draw(ball, CAMERA, pose_at()) > COVERED
    u = np.arange(CAMERA.width)
    assert out[:, u < CAMERA.cx - 3][whole[:, u < CAMERA.cx - 3]].all()
    assert not out[:, u > CAMERA.cx + 3].any()
    rows = np.flatnonzero(out.any(1))
    assert rows.size == pytest.approx(2 * CAMERA.fx * RADIUS_M / DEPTH_M, abs=6)
