"""Method `diffpose`: Adam on multiscale NCC; its gradient, its ends, and what it finds."""

import numpy as np
import pytest
from method_checks import errors, registered
from scipy.spatial.transform import Rotation

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from xray_registration.methods import diffpose
from xray_registration.methods.diffpose import RenderedLoss, left_jacobian
from xray_registration.result import SolverStatus, Verdict
from xray_registration.solvers import adam
from xray_registration.views import View


def test_the_left_jacobian_is_the_derivative_of_the_rotation():
    w, dw = np.array([0.4, -0.7, 0.2]), 1e-6 * np.array([1.0, 2.0, -1.5])
    turned = Rotation.from_rotvec(w + dw) * Rotation.from_rotvec(w).inv()
    np.testing.assert_allclose(turned.as_rotvec(), left_jacobian(w) @ dw, rtol=1e-5)


def test_the_gradient_over_two_views_and_a_mask_matches_differences(views, volumes, start):
    mask = np.ones(views[0].image.shape, bool)
    mask[:, :50] = False
    masked = View(views[0].image, views[0].camera, views[0].camera_from_reference, mask)
    problem = RenderedLoss(
        [masked, views[1]], volumes.at(3.0), se3.inverse(start), volumes.isocentre_m, 64
    )
    at = np.array([0.1, -0.05, 0.08, 3.0, -2.0, 4.0])
    _, gradient = problem.loss_and_gradient(at[:3], at[3:])
    steps, differences = np.r_[[2e-3] * 3, [0.3] * 3], []
    for step in np.diag(steps):
        (high, _), (low, _) = (
            problem.loss_and_gradient(x[:3], x[3:]) for x in (at + step, at - step)
        )
        differences.append((high - low) / (2 * step.sum()))
    scale = np.r_[[100.0] * 3, [1.0] * 3]  # a radian moves points of this CT by 100 mm
    tolerance = 0.05 * np.abs(differences / scale).max()
    np.testing.assert_allclose(gradient / scale, differences / scale, atol=tolerance)


def test_the_loss_of_two_views_is_their_mean(views, volumes, start):
    def loss(some):
        volume, pose = volumes.at(3.0), se3.inverse(start)
        problem = RenderedLoss(some, volume, pose, volumes.isocentre_m, 64)
        return problem.loss_and_gradient(np.zeros(3), np.zeros(3))[0]

    assert loss(views) == pytest.approx(np.mean([loss([view]) for view in views]))


def test_a_pose_is_found_and_judged_like_any_other(views, volumes, truth, start):
    result = registered('diffpose', views[:1], volumes, start)
    shift_mm, turn_deg = errors(result, truth, volumes)
    assert np.abs(shift_mm[:2]).max() < 0.3
    assert abs(shift_mm[2]) < 5
    assert turn_deg < 0.5
    # Its cost has another minimum, about a standard deviation beside the one that the gate knows.
    assert result.cost < 0.1
    assert result.verdict is Verdict.OK or 'match best' in result.reason
    assert result.status is SolverStatus.CONVERGED


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(diffpose, '_IMAGE_SIZE', 64)
    monkeypatch.setattr(diffpose, '_VOXEL_MM', 3.0)


def test_a_second_view_sees_the_depth(small, views, volumes, truth, start):
    result = registered('diffpose', views, volumes, start)
    shift_mm, turn_deg = errors(result, truth, volumes)
    assert np.abs(shift_mm).max() < 0.5
    assert turn_deg < 0.5


def test_the_same_call_gives_the_same_pose(small, views, volumes, start):
    first, second = (
        registered('diffpose', views[:1], volumes, start).reference_from_ct for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_the_time_limit_stops_it_where_it_is(views, volumes, start):
    result = registered('diffpose', views[:1], volumes, start, timeout_s=0.0)
    assert result.status is SolverStatus.TIMEOUT
    np.testing.assert_allclose(result.reference_from_ct, start, atol=1e-12)


def test_without_a_start_it_says_so(views, volumes):
    with pytest.raises(InputError, match='diffpose needs a start'):
        registered('diffpose', views[:1], volumes, None)


CENTRE_M = np.array([0.1, -0.2, 0.3])


def bowl(rotation, translation_mm):
    """A loss whose minimum is a turn of 0.05 rad and a shift of 4 mm away."""
    apart = np.r_[(rotation - 0.05) / 0.05, (translation_mm - 4) / 4]
    return 1e-2 * float(apart @ apart), 2e-2 * apart / np.r_[[0.05] * 3, [4] * 3]


def test_adam_keeps_the_best_pose_and_ends_by_patience():
    found = adam.minimise(bowl, np.eye(4), CENTRE_M, lambda: False)
    expected = adam.motion(np.full(3, 0.05), np.full(3, 4.0), CENTRE_M)
    assert found.status is SolverStatus.CONVERGED
    np.testing.assert_allclose(found.ct_from_reference, expected, atol=2e-3)


def test_adam_ends_by_its_steps_and_keeps_the_best(monkeypatch):
    monkeypatch.setattr(adam, 'MAX_STEPS', 7)
    seen = []

    def loss(rotation, translation_mm):
        value, gradient = bowl(rotation, translation_mm)
        seen.append((value, adam.motion(rotation, translation_mm, CENTRE_M)))
        return value, gradient

    found = adam.minimise(loss, np.eye(4), CENTRE_M, lambda: False)
    assert (found.status, found.steps, len(seen)) == (SolverStatus.MAX_STEPS, 7, 7)
    best = min(seen, key=lambda pair: pair[0])
    assert found.loss == best[0]
    np.testing.assert_array_equal(found.ct_from_reference, best[1])


def test_adam_says_that_a_loss_is_no_number():
    found = adam.minimise(
        lambda *at: (float('nan'), np.zeros(6)), np.eye(4), CENTRE_M, lambda: False
    )
    assert found.status is SolverStatus.NON_FINITE
    np.testing.assert_array_equal(found.ct_from_reference, np.eye(4))
