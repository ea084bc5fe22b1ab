import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from surgical_perception.geometry import se3
from xray_registration.learned import geodesics
from xray_registration.learned.geodesics import distance_mm, exp, log, recentred, rotation4

F_MM = 1020.0
shifts = st.floats(-0.2, 0.2, allow_nan=False)
turns = st.floats(-1.5, 1.5, allow_nan=False)
twists = st.tuples(shifts, shifts, shifts, turns, turns, turns).map(np.array)


def tensor(array):
    return torch.tensor(np.asarray(array), dtype=torch.float64)


@given(twists)
def test_exp_and_log_are_those_of_the_geometry(xi):
    transform = exp(tensor(xi)[None])[0].numpy()
    np.testing.assert_allclose(transform, se3.exp(xi), atol=1e-12)
    np.testing.assert_allclose(log(tensor(transform)[None])[0], se3.log(transform), atol=1e-9)


@pytest.mark.parametrize('angle', [0.0, 1e-8, 9e-3, 1.1e-2, 1.0, 3.0])
def test_exp_and_log_have_both_derivatives(angle):
    xi = (tensor([0.1, -0.05, 0.02, 0.6 * angle, -0.8 * angle, 0.0])[None]).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: log(exp(x)), xi, atol=1e-6)
    assert torch.autograd.gradgradcheck(lambda x: log(exp(x)), xi, atol=1e-5)


def test_half_a_turn_is_refused():
    with pytest.raises(ValueError, match='175 degrees'):
        log(exp(tensor([[0, 0, 0, math.pi, 0, 0]])))


@pytest.mark.parametrize('kind', geodesics.GEODESICS)
def test_a_millimetre_is_a_millimetre_and_a_degree_is_two_f_tangents(kind):
    base = torch.eye(4, dtype=torch.float64)[None]
    shifted = exp(tensor([[0.003, -0.004, 0, 0, 0, 0]]))
    turned = exp(tensor([[0, 0, 0, 0, math.radians(1.0), 0]]))
    assert distance_mm(shifted, base, kind, F_MM).item() == pytest.approx(5.0, rel=1e-6)
    expected = 2 * F_MM * math.tan(math.radians(1.0))
    assert distance_mm(turned, base, kind, F_MM).item() == pytest.approx(expected, rel=3e-4)
    assert distance_mm(base, base, kind, F_MM).item() == 0


def test_an_unknown_geodesic_is_named():
    pose = torch.eye(4)[None]
    with pytest.raises(ValueError, match="'so3'"):
        distance_mm(pose, pose, 'so3', F_MM)


@given(twists)
def test_the_polar_factor_is_a_rotation_near_to_h(xi):
    pose = exp(tensor(xi)[None])
    h, polar = rotation4(pose, F_MM), rotation4(pose, F_MM, polar=True)
    np.testing.assert_allclose((polar @ polar.mT)[0], np.eye(4), atol=1e-10)
    assert torch.linalg.det(polar).item() == pytest.approx(1)
    u, _, v = np.linalg.svd(h[0].numpy())
    np.testing.assert_allclose(polar[0], u @ v, atol=1e-9)


@pytest.mark.parametrize('f_mm, defect', [(1020.0, 0.01), (100.0, 0.4)])
def test_so4_is_nearly_bi_invariant_where_f_is_large(f_mm, defect):
    """A common motion of both poses leaves their distance; about as well as t/2f is small."""
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(50):
        a, b, c = (
            exp(tensor([*rng.uniform(-0.03, 0.03, 3), *rng.uniform(-0.3, 0.3, 3)])[None])
            for _ in range(3)
        )
        plain = distance_mm(a, b, 'so4', f_mm).item()
        for moved in (
            distance_mm(c @ a, c @ b, 'so4', f_mm),
            distance_mm(a @ c, b @ c, 'so4', f_mm),
        ):
            worst = max(worst, abs(moved.item() / plain - 1))
    assert worst < defect
    assert f_mm > 500 or worst > 0.02


@pytest.mark.parametrize('kind', geodesics.GEODESICS)
@pytest.mark.parametrize('polar', [False, True])
def test_distances_have_both_derivatives(kind, polar):
    truth = exp(tensor([[0.01, 0.02, -0.03, 0.1, -0.2, 0.05]]))
    xi = tensor([[-0.02, 0.01, 0.01, -0.1, 0.1, 0.2]]).requires_grad_()

    def distance(xi):
        return distance_mm(exp(xi), truth, kind, F_MM, polar)

    assert torch.autograd.gradcheck(distance, xi, eps=1e-7, rtol=1e-4)
    assert torch.autograd.gradgradcheck(distance, xi, eps=1e-7, rtol=1e-3)


def test_recentred_poses_turn_about_the_isocentre():
    isocentre = tensor([0.1, -0.2, 0.3])
    nominal = np.eye(4)
    nominal[:3, 3] = [0, 0, 0.75] - isocentre.numpy()
    turned = se3.perturb(np.array([0, 0, 0, 0.2, 0, 0]), nominal, np.array([0, 0, 0.75]))
    pose = recentred(tensor(turned)[None], isocentre, 0.75)[0]
    np.testing.assert_allclose(pose[:3, 3], 0, atol=1e-12)
    np.testing.assert_allclose(pose[:3, :3], turned[:3, :3])
