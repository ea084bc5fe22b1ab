import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from xray_registration.learned.encoder import Encoder, EncoderConfig
from xray_registration.learned.manifolds import MANIFOLDS
from xray_registration.learned.similarity import LearnedSimilarity
from xray_registration.learned.whole_image import WHOLE, WholeImage, WholeImageConfig

torch.set_num_threads(1)


@pytest.fixture(scope='module')
def encoder():
    torch.manual_seed(0)
    return (
        Encoder(EncoderConfig(stem=4, widths=(4, 6, 8, 8), blocks=1, channels=5)).double().eval()
    )


@pytest.fixture(scope='module')
def whole():
    torch.manual_seed(0)
    return WholeImage(WholeImageConfig((4, 6, 8), 10)).double().eval()


def smooth(seed, count=1, side=64):
    rng = np.random.default_rng(seed)
    image = gaussian_filter(rng.normal(size=(count, side, side)), (0, 3, 3))
    return image / image.std()


@pytest.fixture(params=[*MANIFOLDS, 'whole image'])
def similarity(request, encoder, whole):
    mask = np.ones((64, 64), bool)
    mask[:20, :24] = False
    if request.param == 'whole image':
        return LearnedSimilarity(whole, MANIFOLDS['spherical'], WHOLE, smooth(0), mask)
    return LearnedSimilarity(encoder, MANIFOLDS[request.param], 4, smooth(0), mask)


def test_equal_images_cost_nothing_and_others_something(similarity):
    assert similarity.cost(smooth(0)) == pytest.approx(0, abs=1e-6)
    assert similarity.cost(2 * smooth(0) + 1) == pytest.approx(0, abs=1e-4)
    assert similarity.cost(smooth(1)) > 1e-3


def test_masked_pixels_have_no_influence(similarity):
    moving = smooth(1)
    changed = moving.copy()
    changed[:, :20, :24] = 9.0
    assert similarity.cost(changed) == similarity.cost(moving)


def test_the_gradient_is_that_of_differences(similarity):
    moving, columns = smooth(0) + 0.3 * smooth(1), smooth(2, 6)
    jacobian = np.moveaxis(columns, 0, -1)[None]
    model = similarity.linearise(moving, jacobian)
    assert model.cost == pytest.approx(similarity.cost(moving), rel=1e-5)
    assert model.gradient_parts.sum(0) == pytest.approx(model.gradient)
    step = 1e-6
    for column, found in zip(columns, model.gradient, strict=True):
        ahead, behind = (similarity.cost(moving + sign * step * column) for sign in (1, -1))
        assert found == pytest.approx((ahead - behind) / (2 * step), rel=1e-3, abs=1e-9)


def test_the_hessian_is_the_curvature_where_images_agree(similarity):
    fixed, columns = smooth(0), smooth(2, 6)
    model = similarity.linearise(fixed, np.moveaxis(columns, 0, -1)[None])
    assert np.linalg.eigvalsh(model.hessian)[0] > 0
    step = 1e-4
    for index, column in enumerate(columns):
        around = similarity.cost(fixed + step * column) + similarity.cost(fixed - step * column)
        assert model.hessian[index, index] == pytest.approx(around / step**2, rel=0.05)


def test_sides_that_the_stages_cannot_halve_are_cut(encoder):
    fixed = smooth(0, side=70)
    similarity = LearnedSimilarity(
        encoder, MANIFOLDS['spherical'], 16, fixed, np.ones((70, 70), bool)
    )
    moving = fixed.copy()
    moving[:, 64:] = 5.0
    assert similarity.cost(moving) == pytest.approx(0, abs=1e-6)
    jacobian = np.moveaxis(smooth(1, 6, 70), 0, -1)[None]
    assert similarity.linearise(fixed, jacobian).hessian.shape == (6, 6)


def test_the_whole_image_counts_whatever_is_masked(whole):
    mask = np.zeros((64, 64), bool)
    mask[:, :20] = True
    similarity = LearnedSimilarity(whole, MANIFOLDS['spherical'], WHOLE, smooth(0), mask)
    assert similarity.cost(smooth(1)) > 1e-3
