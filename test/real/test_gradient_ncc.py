import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from xray_registration.similarity import GradientNcc

SIZE = (50, 60)
ALL = np.ones(SIZE, bool)


def texture(seed, sigma=2.0):
    return gaussian_filter(np.random.default_rng(seed).normal(size=SIZE), sigma).astype(np.float32)


def test_cost_is_one_minus_the_mean_correlation_of_gaussian_derivatives():
    moving, fixed = texture(1), texture(2)
    inner = np.s_[4:-4, 4:-4]
    correlations = []
    for order in ((0, 1), (1, 0)):
        # A kernel of 9 pixels ends at three sigma.
        a, b = (gaussian_filter(i, 4 / 3, order, truncate=3.0)[inner] for i in (moving, fixed))
        correlations.append(np.corrcoef(a.ravel(), b.ravel())[0, 1])
    ours = GradientNcc(fixed, ALL, 9).cost(moving)
    assert ours == pytest.approx(1 - np.mean(correlations), abs=2e-3)


def test_slow_shading_gain_and_offset_hardly_matter():
    fixed = texture(3)
    v, u = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    shaded = 3 * fixed + 7 + 0.02 * u + 0.01 * v
    assert GradientNcc(fixed, ALL, 9).cost(shaded.astype(np.float32)) == pytest.approx(0, abs=1e-5)


def test_masked_pixels_do_not_count():
    fixed, mask = texture(4), ALL.copy()
    mask[10:20, 30:45] = False
    spoilt = fixed.copy()
    spoilt[~mask] = 100.0
    assert GradientNcc(fixed, mask, 7).cost(spoilt) == pytest.approx(0, abs=1e-6)
    assert GradientNcc(fixed, ALL, 7).cost(spoilt) > 0.3


def test_gradient_is_that_of_the_cost():
    fixed, moving = texture(5), texture(6)
    jacobian = np.stack([texture(10 + i) for i in range(6)], -1)
    similarity = GradientNcc(fixed, ALL, 9)
    model = similarity.linearise(moving, jacobian)
    for i, expected in enumerate(model.gradient):
        step = 1e-2
        costs = [similarity.cost(moving + s * jacobian[..., i]) for s in (step, -step)]
        assert (costs[0] - costs[1]) / (2 * step) == pytest.approx(expected, rel=0.02, abs=1e-4)
    assert np.linalg.eigvalsh(model.hessian)[0] > 0
    np.testing.assert_allclose(model.gradient_parts.sum(0), model.gradient, atol=1e-5)


def test_nothing_to_compare_is_no_match():
    similarity = GradientNcc(texture(7), np.zeros(SIZE, bool), 9)
    assert similarity.cost(texture(7)) == pytest.approx(1)
