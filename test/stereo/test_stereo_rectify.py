"""Rectification against projected points, and against a real chessboard of 3 mm squares."""

import cv2
import numpy as np
import pytest

from surg_invnerf.stereo.rectify import RawEye, Rectifier
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3

LEFT = RawEye([[500.0, 0, 310], [0, 505, 250], [0, 0, 1]], [-0.2, 0.1, 1e-3, -2e-3])
RIGHT = RawEye([[510.0, 0, 330], [0, 512, 245], [0, 0, 1]], [-0.25, 0.12, -1e-3, 1e-3])
RIGHT_FROM_LEFT = se3.exp([-0.0045, 2e-4, 3e-4, 0.01, -0.04, 0.02])


def rectifier(left=LEFT, right=RIGHT, right_from_left=RIGHT_FROM_LEFT):
    return Rectifier(640, 480, left, right, right_from_left)


def test_points_of_a_raw_pair_are_found_where_they_are():
    """Projected by OpenCV through distortion, rectified, triangulated: metres come out again."""
    points = np.random.default_rng(1).uniform([-0.02, -0.015, 0.05], [0.02, 0.015, 0.12], (200, 3))
    rectify = rectifier()
    seen = []
    for name, eye, pose in (('left', LEFT, np.eye(4)), ('right', RIGHT, RIGHT_FROM_LEFT)):
        turn = cv2.Rodrigues(pose[:3, :3])[0]
        k, d = (np.array(part, float) for part in (eye.matrix, eye.distortion))
        raw, _ = cv2.projectPoints(points, turn, pose[:3, 3], k, d)
        seen.append(rectify.rectify_points(raw, name))
    left, right = seen
    np.testing.assert_allclose(left[:, 1], right[:, 1], atol=2e-3)
    depth = rectify.camera.depth_from_disparity(left[:, 0] - right[:, 0])
    found = rectify.camera.unproject(left, depth)
    np.testing.assert_allclose(found, points @ rectify.rotations[0].T, atol=2e-5)


def test_the_baseline_is_the_distance_of_the_eyes_and_infinity_has_one_disparity():
    camera = rectifier().camera
    assert camera.baseline_m == pytest.approx(np.linalg.norm(RIGHT_FROM_LEFT[:3, 3]))
    assert camera.disparity_from_depth(1e9) == pytest.approx(camera.cx_difference, abs=1e-6)


def test_an_image_goes_where_its_points_go():
    rectify = rectifier()
    raw = np.zeros((480, 640, 3), np.uint8)
    cv2.circle(raw, (400, 150), 6, (255, 200, 100), -1)
    left, _ = rectify.rectify(raw, raw)
    rows, columns = np.nonzero(left[..., 0] > 128)
    expected = rectify.rectify_points([[400, 150]], 'left')[0]
    np.testing.assert_allclose([columns.mean(), rows.mean()], expected, atol=0.3)
    assert left.shape == raw.shape


@pytest.mark.parametrize(
    ('pose', 'words'),
    [
        (se3.inverse(RIGHT_FROM_LEFT), 'left/right swapped'),
        (se3.exp([0, -0.0045, 0, 0, 0, 0]), 'beside'),
        (se3.exp([-4.5, 0, 0, 0, 0, 0]), 'millimetres'),
        (np.diag([1.0, 1, 2, 1]), 'not rigid'),
    ],
)
def test_poses_that_are_no_endoscope_are_refused(pose, words):
    with pytest.raises(InputError, match=words):
        rectifier(right_from_left=pose)


def test_an_image_of_another_size_is_refused():
    image = np.zeros((480, 640), np.uint8)
    with pytest.raises(InputError, match='the right image is 320x240'):
        rectifier().rectify(image, image[::2, ::2])


# Real data.


def chessboard(data_dir):
    folder = data_dir / 'stereo_chessboard'
    left, right = (
        RawEye(*(np.loadtxt(folder / f'calib.{eye}.{part}.txt') for part in parts))
        for eye in ('left', 'right')
        for parts in [('intrinsic', 'distortion')]
    )
    left_from_right = np.loadtxt(folder / 'calib.r2l.txt')
    left_from_right[:3, 3] *= 1e-3
    return folder, Rectifier(1920, 1080, left, right, se3.inverse(left_from_right))


@pytest.mark.parametrize('view', [1338, 4848, 798])
def test_squares_of_a_real_chessboard_have_three_millimetres(data_dir, view):
    folder, rectify = chessboard(data_dir)
    left, right = (
        rectify.rectify_points(np.loadtxt(folder / eye / f'{eye}-{view}.png.points.txt'), eye)
        for eye in ('left', 'right')
    )
    rows = left[:, 1] - right[:, 1]
    assert np.abs(rows.mean()) < 0.5
    assert np.median(np.abs(rows)) < 0.6  # of corners that were detected to about half a pixel
    corners = rectify.camera.unproject(
        left, rectify.camera.depth_from_disparity(left[:, 0] - right[:, 0])
    ).reshape(10, 14, 3)
    squares = [np.linalg.norm(np.diff(corners, axis=axis), axis=-1).ravel() for axis in (0, 1)]
    assert np.median(np.concatenate(squares)) == pytest.approx(3e-3, rel=0.015)


def test_rows_of_real_rectified_images_are_equal(data_dir):
    """Corners are measured anew, to sub-pixels, in the rectified images."""
    folder, rectify = chessboard(data_dir)
    eyes = ('left', 'right')
    raw = [cv2.imread(str(folder / eye / f'{eye}-4848.png'), 0) for eye in eyes]
    rows = []
    for eye, image in zip(eyes, rectify.rectify(*raw), strict=True):
        corners = np.loadtxt(folder / eye / f'{eye}-4848.png.points.txt')
        corners = rectify.rectify_points(corners, eye).astype(np.float32)
        stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 40, 1e-3)
        rows.append(
            cv2.cornerSubPix(image, corners[:, None].copy(), (8, 8), (-1, -1), stop)[:, 0, 1]
        )
    assert np.median(np.abs(rows[0] - rows[1])) < 0.5
