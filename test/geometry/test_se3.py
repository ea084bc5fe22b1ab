"""SE(3) against the matrix exponential, scipy's rotations and its own group laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm, logm
from scipy.spatial.transform import Rotation

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3

TOLERANCE = 1e-12

coordinate = st.floats(-1, 1)
vector = st.tuples(coordinate, coordinate, coordinate).map(np.array)


@st.composite
def twists(draw, largest_angle=np.pi - 1e-3):
    """Twists with |v| up to 1.7 m and rotations from 1e-9 rad to almost a half turn."""
    axis = draw(vector.filter(lambda a: np.linalg.norm(a) > 1e-3))
    angle = draw(st.floats(-9, np.log10(largest_angle)).map(lambda e: 10**e) | st.just(0.0))
    return np.concatenate([draw(vector), angle * axis / np.linalg.norm(axis)])


def matrix_of(xi):
    """The 4x4 element of the Lie algebra se(3)."""
    out = np.zeros((4, 4))
    out[:3, :3] = np.cross(np.eye(3), xi[3:])
    out[:3, 3] = xi[:3]
    return out


@given(vector, vector)
def test_hat_is_the_cross_product(a, b):
    np.testing.assert_allclose(se3.hat(a) @ b, np.cross(a, b), atol=TOLERANCE)


@given(twists())
def test_exp_is_the_matrix_exponential(xi):
    np.testing.assert_allclose(se3.exp(xi), expm(matrix_of(xi)), atol=TOLERANCE)


def test_log_is_the_matrix_logarithm():
    xi = np.array([0.3, -0.2, 0.5, 0.7, -1.1, 0.4])
    np.testing.assert_allclose(matrix_of(se3.log(se3.exp(xi))), logm(se3.exp(xi)).real, atol=1e-10)


@given(twists())
def test_log_undoes_exp(xi):
    np.testing.assert_allclose(se3.log(se3.exp(xi)), xi, atol=1e-9)


@pytest.mark.parametrize('angle', [0.99e-2, 1.01e-2])
def test_series_and_closed_form_meet(angle):
    """Both sides of the switch are exact: no jump in a solver's step."""
    xi = np.array([0.8, -0.5, 0.3, 0, 0, 0]) + angle * np.array([0, 0, 0, 0.6, 0, 0.8])
    np.testing.assert_allclose(se3.exp(xi), expm(matrix_of(xi)), atol=1e-14)
    np.testing.assert_allclose(se3.log(se3.exp(xi)), xi, atol=1e-13)


@pytest.mark.parametrize('axis', np.eye(3).tolist())
def test_log_of_a_half_turn(axis):
    transform = se3.exp(np.array([0.1, 0.2, 0.3, *(np.pi * np.array(axis))]))
    xi = se3.log(transform)
    assert np.linalg.norm(xi[3:]) == pytest.approx(np.pi)
    np.testing.assert_allclose(se3.exp(xi), transform, atol=1e-12)


@given(twists(), twists())
def test_adjoint_moves_a_twist_between_frames(pose, xi):
    transform = se3.exp(pose)
    left = transform @ se3.exp(xi) @ se3.inverse(transform)
    np.testing.assert_allclose(left, se3.exp(se3.adjoint(transform) @ xi), atol=1e-10)


@given(twists())
def test_inverse_is_the_matrix_inverse(xi):
    transform = se3.exp(xi)
    np.testing.assert_allclose(se3.inverse(transform), np.linalg.inv(transform), atol=1e-12)


@given(twists(), twists(), vector)
def test_rotation_about_a_centre_keeps_the_centre(pose, xi, centre):
    """`centre` is a point of the target frame, so a pure rotation leaves it where it is."""
    transform = se3.exp(pose)
    rotation = np.concatenate([np.zeros(3), xi[3:]])
    in_source = se3.apply(se3.inverse(transform), centre)
    moved = se3.apply(se3.perturb(rotation, transform, centre), in_source)
    np.testing.assert_allclose(moved, centre, atol=1e-12)


@given(twists(), vector, vector)
def test_perturbation_by_a_translation_shifts_every_point(pose, shift, centre):
    transform = se3.exp(pose)
    moved = se3.perturb(np.concatenate([shift, np.zeros(3)]), transform, centre)
    np.testing.assert_allclose(moved[:3, 3] - transform[:3, 3], shift, atol=1e-12)
    np.testing.assert_allclose(moved[:3, :3], transform[:3, :3], atol=1e-12)


@given(twists())
def test_quaternions_round_trip_in_ros_order(xi):
    transform = se3.exp(xi)
    translation, quaternion = se3.to_quaternion(transform)
    assert quaternion[3] >= 0
    np.testing.assert_allclose(se3.from_quaternion(translation, quaternion), transform, atol=1e-12)


def test_quaternion_order_is_x_y_z_w():
    """A quarter turn about z takes x to y."""
    half = np.sqrt(0.5)
    transform = se3.from_quaternion([1, 2, 3], [0, 0, half, half])
    np.testing.assert_allclose(se3.apply(transform, np.array([1.0, 0, 0])), [1, 3, 3], atol=1e-12)


@pytest.mark.parametrize(
    ('translation', 'quaternion', 'reason'),
    [
        ([0, 0, 0], [0, 0, 0, 0], 'norm 0'),
        ([0, 0, 0], [0, 0, 0, 1.01], 'norm 1.01'),
        ([0, np.nan, 0], [0, 0, 0, 1], 'NaN'),
        ([0, 0, 0], [0, 0, np.inf, 1], 'infinity'),
    ],
)
def test_bad_quaternions_are_refused(translation, quaternion, reason):
    with pytest.raises(InputError, match=reason):
        se3.from_quaternion(translation, quaternion)


def test_validated_takes_16_numbers_row_major():
    transform = se3.exp([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    np.testing.assert_allclose(se3.validated(transform.ravel().tolist(), 'start'), transform)


def test_validated_removes_the_rounding_of_a_text_file():
    transform = np.round(se3.exp([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), 4)
    rotation = se3.validated(transform, 'start')[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(rotation, transform[:3, :3], atol=1e-4)


@pytest.mark.parametrize(
    ('matrix', 'reason'),
    [
        (np.eye(3), '9 numbers'),
        (np.full((4, 4), np.nan), 'NaN'),
        (np.eye(4).T + np.eye(4, k=-3), 'last row'),
        (np.diag([1.0, 1, -1, 1]), 'mirrored'),
        (np.diag([1e3, 1e3, 1e3, 1]), 'scaled'),
        (np.eye(4) + 0.1 * np.eye(4, k=1) * [1, 1, 0, 0], 'sheared'),
        (['a'] * 16, 'numbers'),
        ([[1, 2], [3]], 'numbers'),
        (None, 'numbers'),
    ],
)
def test_validated_refuses_what_is_not_rigid(matrix, reason):
    with pytest.raises(InputError, match=f'start .*{reason}'):
        se3.validated(matrix, 'start')


@given(twists(), twists(largest_angle=3), st.floats(0, 1))
def test_interpolation_turns_evenly_about_one_axis(start, change, fraction):
    a = se3.exp(start)
    b = a.copy()
    b[:3, :3] = a[:3, :3] @ Rotation.from_rotvec(change[3:]).as_matrix()
    b[:3, 3] += change[:3]
    between = se3.interpolate(a, b, fraction)
    np.testing.assert_allclose(between[:3, 3], a[:3, 3] + fraction * change[:3], atol=1e-12)
    np.testing.assert_allclose(
        Rotation.from_matrix(a[:3, :3].T @ between[:3, :3]).as_rotvec(),
        fraction * change[3:],
        atol=1e-9,
    )


@given(twists())
def test_rotation_angle_is_that_of_the_twist(xi):
    assert se3.rotation_angle(se3.exp(xi)) == pytest.approx(np.linalg.norm(xi[3:]), abs=1e-9)


def test_apply_takes_points_of_any_leading_shape():
    transform = se3.exp([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    points = np.random.default_rng(0).normal(size=(2, 5, 3))
    homogeneous = np.concatenate([points, np.ones((2, 5, 1))], -1)
    np.testing.assert_allclose(
        se3.apply(transform, points), (homogeneous @ transform.T)[..., :3], atol=1e-14
    )
