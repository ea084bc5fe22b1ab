"""The pinhole against OpenCV, CameraInfo, and what binning and cropping mean for a ray."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgical_perception.errors import InputError
from surgical_perception.geometry.camera import PinholeCamera

# Off-centre, and pixels that are not square: a swapped axis shows.
CAMERA = PinholeCamera(64, 48, 300.0, 310.0, 30.2, 25.7)


@st.composite
def cameras(draw):
    width, height = draw(st.integers(8, 300)), draw(st.integers(8, 300))
    fx = draw(st.floats(50, 5000))
    fy = fx * draw(st.floats(0.96, 1.04))
    cx, cy = draw(st.floats(0, width - 1)), draw(st.floats(0, height - 1))
    return PinholeCamera(width, height, fx, fy, cx, cy)


def camera_info(camera=CAMERA, **changes):
    k = camera.matrix
    fields = {
        'width': camera.width,
        'height': camera.height,
        'k': k.ravel(),
        'p': np.hstack([k, np.zeros((3, 1))]).ravel(),
        'd': [0.0] * 5,
    }
    return SimpleNamespace(**{**fields, **changes})


@given(cameras(), st.integers(0, 2**32 - 1))
def test_project_agrees_with_opencv(camera, seed):
    points = np.random.default_rng(seed).uniform([-0.5, -0.5, 0.3], [0.5, 0.5, 2], (20, 3))
    theirs, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), camera.matrix, None)
    np.testing.assert_allclose(camera.project(points), theirs[:, 0], rtol=1e-9, atol=1e-9)


@given(cameras())
def test_rays_go_through_pixel_centres(camera):
    rays = camera.ray_directions()
    assert rays.shape == (camera.height, camera.width, 3)
    np.testing.assert_allclose(np.linalg.norm(rays, axis=-1), 1, atol=1e-12)
    u, v = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    np.testing.assert_allclose(camera.project(rays), np.stack([u, v], -1), atol=1e-6)


def test_carm_geometry_puts_the_axis_between_integer_pixel_centres():
    """On a 4 pixel row, 10 mm from the axis at 1000 mm is 5 pixels of 2 mm from its middle."""
    camera = PinholeCamera.from_carm(4, 6, sdd_mm=1000, du_mm=2.0, dv_mm=1.0, x0_mm=3, y0_mm=-2)
    assert (camera.fx, camera.fy) == (500, 1000)
    assert (camera.cx, camera.cy) == (1.5 + 1.5, 2.5 - 2)
    np.testing.assert_allclose(camera.project(np.array([0.01, 0, 1.0])), [3 + 5, 0.5])


@given(cameras(), st.integers(1, 4))
def test_binning_keeps_the_rays(camera, factor):
    """The ray of a binned pixel goes through the middle of the pixels that it replaces."""
    binned = camera.binned(factor)
    u, v = np.meshgrid(np.arange(binned.width), np.arange(binned.height))
    middle = np.stack([u, v], -1) * factor + (factor - 1) / 2
    np.testing.assert_allclose(camera.project(binned.ray_directions()), middle, atol=1e-6)


def test_binning_agrees_with_area_averaging():
    """The centroid of a blob moves as the camera says when OpenCV averages blocks."""
    image = np.zeros((48, 64), np.float32)
    image[16:24, 32:40] = 1
    small = cv2.resize(image, (16, 12), interpolation=cv2.INTER_AREA)

    def centroid(picture):
        rows, columns = np.indices(picture.shape)
        return np.array([(columns * picture).sum(), (rows * picture).sum()]) / picture.sum()

    binned = CAMERA.binned(4)
    ray = [(centroid(image) - [CAMERA.cx, CAMERA.cy]) / [CAMERA.fx, CAMERA.fy]]
    ray_small = [(centroid(small) - [binned.cx, binned.cy]) / [binned.fx, binned.fy]]
    np.testing.assert_allclose(ray_small, ray, atol=1e-6)


def test_cropping_keeps_the_rays():
    cropped = CAMERA.cropped(5, 7, 20, 10)
    np.testing.assert_allclose(
        cropped.ray_directions(), CAMERA.ray_directions()[7:17, 5:25], atol=1e-14
    )


@given(cameras())
def test_camera_info_round_trip(camera):
    assert PinholeCamera.from_camera_info(camera_info(camera)) == camera


def test_projection_matrix_wins_over_k():
    """P belongs to image_rect, which is what the node registers (REP 104)."""
    rectified = PinholeCamera(64, 48, 280.0, 280.0, 31.0, 24.0)
    info = camera_info(CAMERA, p=camera_info(rectified).p, d=[-0.1, 0, 0, 0, 0])
    assert PinholeCamera.from_camera_info(info) == rectified


@pytest.mark.parametrize('empty', [[0.0] * 12, []])
def test_k_serves_where_p_is_empty(empty):
    assert PinholeCamera.from_camera_info(camera_info(p=empty)) == CAMERA


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'k': np.zeros(9)}, 'uncalibrated'),
        ({'k': np.zeros(0), 'p': np.zeros(0)}, '0 numbers in K'),
        ({'p': np.zeros(12), 'd': [0.1, 0, 0, 0, 0]}, 'distortion'),
        ({'p': np.zeros(12), 'k': [300, 0, 30, 0, 330, 25, 0, 0, 1.0]}, 'more than 5 %'),
        ({'p': np.zeros(12), 'k': [300, 2, 30, 0, 300, 25, 0, 0, 1.0]}, 'skew'),
        ({'p': np.zeros(12), 'k': [-300, 0, 30, 0, 300, 25, 0, 0, 1.0]}, 'image_flip'),
        ({'p': np.zeros(12), 'k': [300, 0, 70, 0, 300, 25, 0, 0, 1.0]}, 'principal point'),
        ({'p': np.zeros(12), 'k': [300, 0, 30, 0, 300, np.nan, 0, 0, 1.0]}, 'NaN'),
        ({'width': 0}, 'size 0x48'),
    ],
)
def test_impossible_camera_info_is_refused(changes, reason):
    with pytest.raises(InputError, match=reason):
        PinholeCamera.from_camera_info(camera_info(**changes))
