import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xray_registration.learned.manifolds import MANIFOLDS, Hyperbolic, Sphere, bounded


def features(values):
    return torch.tensor(values, dtype=torch.float64).reshape(1, -1, 1, 1)


finite = st.floats(-50, 50, allow_nan=False)
vectors = st.lists(finite, min_size=3, max_size=3)


@given(vectors)
def test_points_of_the_sphere_have_length_one_and_lie_on_the_northern_half(values):
    point = Sphere.point(features(values)).flatten()
    assert point.norm().item() == pytest.approx(1, abs=1e-12)
    assert point[-1].item() >= -1e-12


@given(vectors, vectors)
def test_the_cost_on_the_sphere_is_one_minus_the_cosine(a, b):
    moving, fixed = (Sphere.point(features(v)) for v in (a, b))
    cosine = (moving * fixed).sum().item()
    assert Sphere.cost(moving, fixed).item() == pytest.approx(1 - cosine, abs=1e-12)


def test_the_sphere_agrees_with_the_formula_of_its_exponential_map():
    phi = features([0.3, -0.4, 0.1])
    limited = bounded(phi).flatten()
    n = limited.norm().item()
    assert n == pytest.approx(math.pi / 2 * math.tanh(phi.norm().item() / (math.pi / 2)))
    expected = [*(math.sin(n) / n * limited).tolist(), math.cos(n)]
    assert Sphere.point(phi).flatten().tolist() == pytest.approx(expected, abs=1e-14)


def test_the_hyperbolic_cost_is_half_the_squared_distance_of_the_poincare_ball():
    a, b = (Hyperbolic.point(features(v)) for v in ([0.5, 0.1, 0.0], [-0.2, 0.4, 0.3]))
    q = (a - b).square().sum() / ((1 - a.square().sum()) * (1 - b.square().sum()))
    distance = torch.acosh(1 + 2 * q)
    assert Hyperbolic.cost(a, b).item() == pytest.approx(0.5 * distance.item() ** 2, rel=1e-9)
    # From the centre, EXP of a vector lies twice its length away (curvature -1).
    centre = Hyperbolic.point(features([0.0, 0.0, 0.0]))
    far = math.sqrt(2 * Hyperbolic.cost(a, centre).item())
    assert far == pytest.approx(2 * math.sqrt(0.26), rel=1e-4)


@pytest.mark.parametrize('name', MANIFOLDS)
@pytest.mark.parametrize('size', [0.0, 1e-9, 9e-4, 1.1e-3, 0.5, 3.0])
def test_derivatives_hold_at_zero_across_the_series_and_far_out(name, size):
    manifold = MANIFOLDS[name]
    fixed = manifold.point(features([0.2, -0.1, 0.4]))
    phi = (size * features([0.6, 0.0, -0.8])).requires_grad_()

    def cost(phi):
        return manifold.cost(manifold.point(phi), fixed)

    assert torch.autograd.gradcheck(cost, phi, eps=1e-6, atol=1e-7)
    assert torch.autograd.gradgradcheck(cost, phi, eps=1e-6, atol=1e-6)


@pytest.mark.parametrize('name', MANIFOLDS)
def test_the_metric_is_the_curvature_of_the_cost_where_both_agree(name):
    manifold = MANIFOLDS[name]
    point = manifold.point(features([0.2, -0.1, 0.4]))
    direction = torch.randn(point.shape, generator=torch.Generator().manual_seed(0)).double()
    step = 1e-4
    cost = manifold.cost(point + step * direction, point).item()
    expected = 0.5 * manifold.metric(point).item() * step**2 * direction.square().sum().item()
    assert cost == pytest.approx(expected, rel=1e-3)
