"""Covariances of tracked points: against sampling, and as properties."""

import numpy as np
import pytest
from analytic_tissue import CAMERA
from hypothesis import given
from hypothesis import strategies as st

from surg_invnerf.tracks.covariance import (
    CovarianceConfig,
    Evidence,
    confidence,
    covariances,
    frames_since,
    point_sigmas,
)


def test_the_covariance_is_that_of_sampled_pixels_and_depths():
    rng = np.random.default_rng(0)
    uv, depth_m, across_px, along_m = np.array([50.0, 8.0]), 0.07, 0.4, 5e-4
    samples = CAMERA.unproject(
        uv + across_px * rng.normal(size=(200_000, 2)),
        depth_m + along_m * rng.normal(size=200_000),
    )
    point = CAMERA.unproject(uv, depth_m)
    predicted = covariances(CAMERA, point, np.array(across_px), np.array(along_m))
    sampled = np.cov(samples.T)
    scale = np.sqrt(np.outer(np.diag(sampled), np.diag(sampled)))
    np.testing.assert_allclose(predicted / scale, sampled / scale, atol=0.01)


@given(
    u=st.floats(-200, 300),
    v=st.floats(-200, 300),
    depth_m=st.floats(1e-3, 0.3),
    across_px=st.floats(0.05, 100),
    along_m=st.floats(1e-5, 0.05),
)
def test_covariances_are_symmetric_and_positive_definite(u, v, depth_m, across_px, along_m):
    point = CAMERA.unproject([u, v], depth_m)
    cov = covariances(CAMERA, point, np.array(across_px), np.array(along_m))
    np.testing.assert_array_equal(cov, cov.T)
    np.linalg.cholesky(cov)


def test_frames_since_counts_to_the_nearest_support_on_either_side():
    supported = np.array(
        [[1, 0, 0, 0, 1], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], bool
    )
    frames = [0, 1, 2, 6, 7]
    np.testing.assert_array_equal(
        frames_since(supported, frames),
        [[0, 1, 2, 1, 0], [2, 1, 0, 4, 5], [np.inf] * 5, [0] * 5],
    )


def test_confidence_is_the_probability_of_less_than_four_pixels():
    rng = np.random.default_rng(0)
    for sigma in (0.5, 2.0, 6.0):
        distance = np.linalg.norm(sigma * rng.normal(size=(200_000, 2)), axis=1)
        assert confidence(np.array(sigma)) == pytest.approx((distance < 4).mean(), abs=0.005)


def pair(values):
    """Return a strategy for two values in rising order."""
    return st.lists(values, min_size=2, max_size=2).map(sorted)


@given(
    ray=pair(st.floats(0, 0.05)),
    drift=pair(st.floats(0, 1e4) | st.just(np.inf)),
    lost=pair(st.floats(0, 1e4) | st.just(np.inf)),
    residual=pair(st.floats(0, 50)),
    disagreement=pair(st.floats(0, 0.05)),
)
def test_sigmas_are_finite_and_grow_with_what_is_bad(ray, drift, lost, residual, disagreement):
    worse = [np.array([values]) for values in (ray, drift, lost, residual, disagreement)]
    evidence = Evidence(np.full((1, 2), 0.06), *worse)
    for sigma in point_sigmas(CAMERA, evidence, CovarianceConfig()):
        assert np.isfinite(sigma).all()
        assert (sigma > 0).all()
        assert sigma[0, 0] <= sigma[0, 1]


def test_a_depth_error_becomes_parallax_in_the_units_of_the_image():
    config = CovarianceConfig(
        disparity_px=0, ray_share=1, pixel_px=0, drift_px=0, parallax_baselines=2
    )
    depth_m, spread_m = 0.06, 5e-4
    nothing = np.zeros((1, 1))
    evidence = Evidence(nothing + depth_m, nothing + spread_m, *[nothing] * 4)
    across_px, along_m = point_sigmas(CAMERA, evidence, config)
    assert along_m == pytest.approx(spread_m)
    # Two baselines aside, a point that is deeper by its standard deviation shifts by this much.
    moved = 2 * CAMERA.focal_baseline * (1 / depth_m - 1 / (depth_m + spread_m))
    assert across_px == pytest.approx(moved, rel=0.01)
