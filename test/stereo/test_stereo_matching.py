"""Disparity and its standard deviation, against planes and scenes whose depth is known."""

import cv2
import numpy as np
import pytest
from textured_plane import TexturedPlane, stereo_camera

from surg_invnerf.stereo.masks import specular
from surg_invnerf.stereo.matching import SgbmDis, SgbmDisConfig
from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.config import SceneConfig


@pytest.mark.parametrize('right_cx', [None, 86.0])
@pytest.mark.parametrize('slopes', [(0.0, 0.0), (0.4, 0.3), (-0.5, 0.2)])
def test_the_disparity_of_a_plane_is_right_to_a_twentieth_of_a_pixel(slopes, right_cx):
    camera = stereo_camera(right_cx=right_cx)
    plane = TexturedPlane(camera, 0.06, *slopes)
    disparity, sigma = SgbmDis(camera).match(*plane.pair())
    assert disparity.dtype == sigma.dtype == np.float32
    valid = np.isfinite(disparity)
    np.testing.assert_array_equal(valid, np.isfinite(sigma))
    truth = camera.disparity_from_depth(plane.depth_m())
    error = (disparity - truth)[valid]
    assert np.median(np.abs(error)) < 0.05
    assert np.abs(np.mean(error)) < 0.03
    assert np.quantile(np.abs(error), 0.95) < 0.2
    # All that both eyes see, but for a rim of a few pixels.
    u = np.arange(camera.left.width)
    seen = (u - truth >= 4) & (u - truth <= camera.left.width - 5)
    assert valid[seen].mean() > 0.9
    assert not valid[u - truth < -0.5].any()


def test_no_fraction_of_a_pixel_is_preferred():
    """Matching by blocks leans towards whole pixels: waves of 0.16 to 0.3 px over the fraction."""
    camera = stereo_camera()
    matcher = SgbmDis(camera)
    biases = []
    for disparity in np.arange(10, 11, 0.125):
        plane = TexturedPlane(camera, camera.focal_baseline / disparity, 0, 0)
        found, _ = matcher.match(*plane.pair())
        biases.append(np.nanmedian(found) - disparity)
    assert np.ptp(biases) < 0.06


def test_only_the_depth_range_is_searched():
    camera = stereo_camera()
    plane = TexturedPlane(camera, 0.06, 0.8, 0)
    disparity, _ = SgbmDis(camera, SgbmDisConfig(near_m=0.055, far_m=0.07)).match(*plane.pair())
    depth = camera.depth_from_disparity(disparity[np.isfinite(disparity)])
    assert len(depth) > 1000
    assert depth.min() >= 0.055 - 1e-6
    assert depth.max() <= 0.07 + 1e-6


def test_brightness_may_differ_between_the_eyes():
    camera = stereo_camera()
    plane = TexturedPlane(camera)
    left, right = plane.pair()
    disparity, _ = SgbmDis(camera).match(left, (right * 0.8 + 15).astype(np.uint8))
    error = disparity - camera.disparity_from_depth(plane.depth_m())
    assert np.nanmedian(np.abs(error)) < 0.1
    assert np.isfinite(disparity).mean() > 0.8


def test_rows_may_be_off_by_what_calibrations_are_off():
    camera = stereo_camera()
    plane = TexturedPlane(camera, 0.06, 0.4, 0.3)
    left, right = plane.pair()
    move = np.float32([[1, 0, 0], [0, 1, 0.6]])
    right = cv2.warpAffine(right, move, right.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    disparity, _ = SgbmDis(camera).match(left, right)
    truth = camera.disparity_from_depth(plane.depth_m())
    assert np.nanmedian(np.abs(disparity - truth)) < 0.1
    assert np.isfinite(disparity).mean() > 0.7


def test_sigma_grows_with_noise_and_where_texture_is_missing():
    camera = stereo_camera()
    left, right = TexturedPlane(camera).pair()
    matcher = SgbmDis(camera)
    random = np.random.default_rng(0)
    noisy = [np.clip(eye + random.normal(0, 8, eye.shape), 0, 255) for eye in (left, right)]
    clean_sigma = np.median(matcher.match(left, right)[1])
    noisy_sigma = np.median(matcher.match(*(eye.astype(np.uint8) for eye in noisy))[1])
    assert noisy_sigma > 1.5 * clean_sigma
    flat = [eye.copy() for eye in (left, right)]
    for eye in flat:
        eye[40:90] = 120
    _, sigma = matcher.match(*flat)
    assert np.median(sigma[50:80]) > 2 * np.median(sigma[100:])


@pytest.fixture(scope='module')
def scenes():
    """Errors (mm), their standard deviations (mm) and what is tissue, on scenes for tuning."""
    found = []
    for seed in (1, 2, 3):
        clip = SyntheticClip(SceneConfig(seed=seed, frames=1))
        frame = clip.frame(0)
        disparity, sigma_px = SgbmDis(clip.camera).match(frame.left, frame.right)
        depth = clip.camera.depth_from_disparity(disparity)
        sigma = clip.camera.sigma_from_disparity(depth, sigma_px)
        tissue = ~clip.truth.tool(0) & ~specular(frame.left)
        found.append((1e3 * (depth - clip.truth.depth_m(0)), 1e3 * sigma, tissue))
    return [np.stack(part) for part in zip(*found, strict=True)]


def test_gross_errors_are_rare_beside_an_instrument_and_highlights(scenes):
    error, _, tissue = scenes
    valid = np.isfinite(error) & tissue
    assert valid.sum() > 0.75 * tissue.sum()
    assert np.median(np.abs(error[valid])) < 0.6
    assert np.mean(np.abs(error[valid]) > 3) < 0.005


def test_sigma_says_how_large_errors_are(scenes):
    """Shares of a normal distribution: 68 % within one sigma, 95 % within two."""
    error, sigma, tissue = scenes
    valid = np.isfinite(error) & tissue
    normalised = np.abs(error[valid]) / sigma[valid]
    assert 0.58 < np.mean(normalised < 1) < 0.78
    assert 0.9 < np.mean(normalised < 2) < 0.98
