"""Overlays: contours where the DRR has edges, whatever the gains."""

import cv2
import numpy as np
import pytest

from surgical_perception.errors import InputError
from xray_registration.overlay import overlay


def disc(size=128, centre=(50, 70), radius=30):
    """A soft-edged disc, its centre (column, row)."""
    rows, columns = np.indices((size, size))
    distance = np.hypot(columns - centre[0], rows - centre[1])
    return np.clip(radius - distance + 0.5, 0, 1).astype(np.float32)


def contour(picture):
    """Coloured pixels [N, 2] as (column, row)."""
    return np.argwhere(np.ptp(picture.astype(int), axis=-1) > 0)[:, ::-1]


def test_contour_runs_along_the_edge():
    picture = overlay(disc(), disc())
    scale = picture.shape[0] / 128
    pixels = (contour(picture) + 0.5) / scale - 0.5
    distance = np.linalg.norm(pixels - [50, 70], axis=1)
    np.testing.assert_allclose(distance, 30, atol=0.8)
    # All the way round: no gap wider than 10 degrees.
    angles = np.sort(np.arctan2(*(pixels - [50, 70]).T))
    assert np.diff(angles).max() < np.radians(10)


def test_contour_is_that_of_the_drr_and_grey_that_of_the_xray():
    picture = overlay(disc(centre=(80, 60)), disc())
    scale = picture.shape[0] // 128
    assert np.abs(contour(picture).mean(0) / scale - [50, 70]).max() < 1.5
    grey = picture.max(-1)
    assert grey[60 * scale, 80 * scale] == 255
    assert grey[120 * scale, 10 * scale] == 0


@pytest.mark.parametrize(('gain', 'offset'), [(1e-4, 0), (250, -3e3), (7, 1e3)])
def test_gain_and_offset_change_nothing(gain, offset):
    rng = np.random.default_rng(0)
    xray = cv2.GaussianBlur(rng.random((96, 128), np.float32), (0, 0), 3) + disc()[:96]
    drr = cv2.GaussianBlur(rng.random((96, 128), np.float32), (0, 0), 3) + disc()[:96]
    expected = overlay(xray, drr)
    changed = overlay(xray * np.float32(gain) + np.float32(offset), drr)
    assert np.abs(expected.astype(int) - changed).max() <= 1
    changed = overlay(xray, drr * np.float32(gain) + np.float32(offset))
    share = (expected != changed).any(-1).mean()
    assert share < 1e-3  # single pixels at a threshold, by float32 rounding


@pytest.mark.parametrize(
    ('shape', 'expected'),
    [
        ((128, 96), (512, 384)),
        ((256, 256), (512, 512)),
        ((300, 200), (600, 400)),
        ((512, 480), (512, 480)),
        ((1000, 700), (1000, 700)),
    ],
)
def test_small_images_are_enlarged_by_a_whole_number(shape, expected):
    image = np.random.default_rng(0).random(shape, np.float32)
    picture = overlay(image, image)
    assert picture.shape == (*expected, 3)
    assert picture.dtype == np.uint8


def test_outside_of_the_mask_is_dark_and_bare():
    mask = np.ones((128, 128), bool)
    mask[:, :50] = False
    picture = overlay(disc(), disc(), mask)
    columns, _ = contour(picture).T
    assert columns.min() >= 200
    full = overlay(disc(), disc())
    assert picture[280, 150].max() < 0.5 * full[280, 150].max()
    np.testing.assert_array_equal(picture[:, 200:], full[:, 200:])


def test_blank_images_give_a_blank_picture():
    blank = np.zeros((64, 64), np.float32)
    np.testing.assert_array_equal(overlay(blank, blank), 0)


def test_different_shapes_are_refused():
    with pytest.raises(InputError, match=r'\(64, 48\).*\(64, 64\)'):
        overlay(np.zeros((64, 64), np.float32), np.zeros((64, 48), np.float32))
