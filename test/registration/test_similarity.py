import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from xray_registration.similarity import GlobalNcc, LocalNcc
from xray_registration.similarity.linearisation import block_sums

SIZE = (40, 48)
ALL = np.ones(SIZE, bool)


def texture(seed, sigma=1.5):
    return gaussian_filter(np.random.default_rng(seed).normal(size=SIZE), sigma).astype(np.float32)


def columns(seed):
    return np.stack([texture(seed + i, 2.0) for i in range(6)], -1)


def brute_force_local_cost(moving, fixed, patch, flat_variance=1e-3):
    """Form every patch, normalise it, and sum distances: no box filter, float64."""
    moving, fixed = ((i - i.mean()) / i.std() for i in (moving.astype(float), fixed.astype(float)))
    half, total, count = patch // 2, 0.0, 0
    for v in range(SIZE[0]):
        for u in range(SIZE[1]):
            window = np.s_[max(v - half, 0) : v + half + 1, max(u - half, 0) : u + half + 1]
            a, b = moving[window].ravel(), fixed[window].ravel()
            if a.size < 0.25 * patch * patch:
                continue
            a, b = a - a.mean(), b - b.mean()
            a = a / np.sqrt(a.size * (a.var() + flat_variance))
            b = b / np.sqrt(b.size * (b.var() + flat_variance))
            total, count = total + 0.5 * np.sum((a - b) ** 2), count + 1
    return total / count


def test_local_cost_is_the_mean_half_squared_distance_of_normalised_patches():
    moving, fixed = texture(1), texture(2)
    ours = LocalNcc(fixed, ALL, patch=7, robust_scale=1e6).cost(moving)
    assert ours == pytest.approx(brute_force_local_cost(moving, fixed, 7), rel=1e-4)


def test_global_cost_is_one_minus_the_correlation_coefficient():
    moving, fixed = texture(1), texture(2)
    expected = 1 - np.corrcoef(moving.ravel(), fixed.ravel())[0, 1]
    assert GlobalNcc(fixed, ALL).cost(moving) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize('similarity', [GlobalNcc, LocalNcc])
@given(gain=st.floats(0.05, 50), offset=st.floats(-20, 20))
@settings(max_examples=20, deadline=None)
def test_gain_and_offset_do_not_matter(similarity, gain, offset):
    fixed = texture(3)
    moving = (gain * fixed + offset).astype(np.float32)
    assert similarity(fixed, ALL).cost(moving) == pytest.approx(0, abs=2e-4)


@pytest.mark.parametrize('similarity', [GlobalNcc, LocalNcc])
@pytest.mark.parametrize('masked', [False, True])
def test_gradient_is_the_derivative_of_the_cost(similarity, masked):
    mask = ALL.copy()
    mask[10:22, 15:30] = not masked
    fixed, moving, jacobian = texture(5), texture(6), columns(7)
    metric = similarity(fixed, mask, 9, 1.0)
    model = metric.linearise(moving, jacobian)
    assert model.cost == pytest.approx(metric.cost(moving), rel=1e-5)
    step = 2e-3
    for i in range(6):
        ahead, behind = (metric.cost(moving + s * step * jacobian[..., i]) for s in (1, -1))
        numeric = (ahead - behind) / (2 * step)
        # eps scales with the image's variance, which the model holds constant: 2 %.
        assert model.gradient[i] == pytest.approx(numeric, rel=0.02, abs=2e-4)
    assert model.gradient_parts.sum(0) == pytest.approx(model.gradient, rel=1e-5, abs=1e-7)


def brute_force_hessian(moving, jacobian, patch, flat_variance=1e-3):
    """Sum of d Phi d Phi^T over all patches by numerical differentiation of the patches."""
    scale = moving.std()
    half, hessian, count = patch // 2, np.zeros((6, 6)), 0

    def phi(window, twist):
        image = (moving.astype(float) + jacobian.astype(float) @ twist)[window].ravel() / scale
        image = image - image.mean()
        return image / np.sqrt(image.size * (image.var() + flat_variance))

    for v in range(SIZE[0]):
        for u in range(SIZE[1]):
            window = np.s_[max(v - half, 0) : v + half + 1, max(u - half, 0) : u + half + 1]
            if moving[window].size < 0.25 * patch * patch:
                continue
            h = 1e-5
            d = [(phi(window, h * e) - phi(window, -h * e)) / (2 * h) for e in np.eye(6)]
            hessian, count = hessian + np.array(d) @ np.array(d).T, count + 1
    return hessian / count


def test_local_hessian_is_exact_gauss_newton_over_all_patch_elements():
    moving, jacobian = texture(6), columns(7)
    # Fixed equals moving: all robust weights are 1.
    model = LocalNcc(moving, ALL, 7, 1.0).linearise(moving, jacobian)
    expected = brute_force_hessian(moving, jacobian, 7)
    assert np.abs(model.hessian - expected).max() < 1e-3 * np.abs(expected).max()


def test_global_hessian_is_exact_gauss_newton():
    moving, jacobian = texture(6), columns(7)
    model = GlobalNcc(texture(5), ALL).linearise(moving, jacobian)

    def phi(twist):
        image = (moving.astype(float) + jacobian.astype(float) @ twist).ravel()
        image = image - image.mean()
        return image / np.linalg.norm(image)

    d = np.array([(phi(1e-5 * e) - phi(-1e-5 * e)) / 2e-5 for e in np.eye(6)])
    assert np.abs(model.hessian - d @ d.T).max() < 1e-4 * np.abs(d @ d.T).max()


@pytest.mark.parametrize('similarity', [GlobalNcc, LocalNcc])
def test_masked_pixels_influence_nothing(similarity):
    mask = ALL.copy()
    mask[5:20, 8:30] = False
    fixed, moving, jacobian = texture(8), texture(9), columns(10)
    clean = similarity(fixed, mask, 9, 1.0).linearise(moving, jacobian)
    spoilt_fixed, spoilt_moving, spoilt_jacobian = fixed.copy(), moving.copy(), jacobian.copy()
    for image in (spoilt_fixed, spoilt_moving, spoilt_jacobian):
        image[~mask] = 1e3
    spoilt = similarity(spoilt_fixed, mask, 9, 1.0).linearise(spoilt_moving, spoilt_jacobian)
    assert spoilt.cost == pytest.approx(clean.cost, abs=1e-5)
    assert np.abs(spoilt.hessian - clean.hessian).max() < 1e-4 * np.abs(clean.hessian).max()


def test_two_flat_patches_agree_and_a_flat_one_against_texture_does_not():
    flat, half = np.zeros(SIZE, np.float32), texture(11)
    half[:, :24] = 0
    assert LocalNcc(half, ALL, 5).cost(half) == pytest.approx(0, abs=1e-5)
    assert LocalNcc(half, ALL, 5).cost(flat) > 0.1


def test_similarity_is_one_for_the_same_image_and_about_zero_for_another():
    image = texture(12)
    metric = LocalNcc(image, ALL, 15)
    assert metric.similarity(image) == pytest.approx(1, abs=0.02)
    assert abs(metric.similarity(texture(13))) < 0.2


def test_an_outlier_weighs_less_than_its_square():
    fixed = texture(14)
    moving = fixed.copy()
    moving[10:20, 10:20] = -3 * fixed[10:20, 10:20]
    robust = LocalNcc(fixed, ALL, 7, 0.5).cost(moving)
    assert robust < 0.7 * LocalNcc(fixed, ALL, 7, 1e6).cost(moving)


def test_block_sums_covers_every_pixel_once():
    values = np.random.default_rng(0).normal(size=(13, 17, 6))
    parts = block_sums(values, 5)
    assert parts.shape == (3 * 4, 6)
    assert parts.sum(0) == pytest.approx(values.sum((0, 1)))
    assert parts[0] == pytest.approx(values[:5, :5].sum((0, 1)))
