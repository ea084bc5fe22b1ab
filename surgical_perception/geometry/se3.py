"""
Rigid transforms as 4x4 float64 matrices, named `target_from_source`.

Twists are `xi = (v, omega)`: translation first, as in the covariance of
geometry_msgs/PoseWithCovariance (x, y, z, then rotations about the fixed axes x, y, z).
Source of the formulas: Sola et al., "A micro Lie theory for state estimation in robotics".
"""

import math

import numpy as np
from scipy.spatial.transform import Rotation

from surgical_perception.errors import InputError

# Below this angle the closed forms cancel (digits are lost); the Taylor series are exact to 1e-16.
_SMALL_ANGLE_RAD = 1e-2

# Farther than any two places on Earth, and as far as float64 still tells a tenth of a micrometre:
# transforms through such a place would lose everything else in rounding.
MAX_DISTANCE_M = 1e8


def hat(w):
    """Return the 3x3 matrix `[w]x` with `hat(w) @ a == cross(w, a)`."""
    return np.array([[0.0, -w[2], w[1]], [w[2], 0.0, -w[0]], [-w[1], w[0], 0.0]])


def _coefficients(angle):
    """Return (sin a / a, (1 - cos a) / a^2, (a - sin a) / a^3)."""
    a2 = angle * angle
    if angle < _SMALL_ANGLE_RAD:
        return (
            1 - a2 / 6 + a2**2 / 120 - a2**3 / 5040,
            1 / 2 - a2 / 24 + a2**2 / 720 - a2**3 / 40320,
            1 / 6 - a2 / 120 + a2**2 / 5040 - a2**3 / 362880,
        )
    return (
        np.sin(angle) / angle,
        (1 - np.cos(angle)) / a2,
        (angle - np.sin(angle)) / (a2 * angle),
    )


def exp(xi):
    """Map a twist [6] (m, rad) to a 4x4 rigid transform."""
    v, w = np.asarray(xi[:3], float), np.asarray(xi[3:], float)
    a, b, c = _coefficients(np.sqrt(w @ w))
    k = hat(w)
    kk = k @ k
    transform = np.eye(4)
    transform[:3, :3] = np.eye(3) + a * k + b * kk
    transform[:3, 3] = (np.eye(3) + b * k + c * kk) @ v
    return transform


def log(transform):
    """Map a 4x4 rigid transform to its twist [6] (m, rad), with a rotation angle in [0, pi]."""
    w = Rotation.from_matrix(transform[:3, :3]).as_rotvec()
    angle = np.sqrt(w @ w)
    a, b, _ = _coefficients(angle)
    k = hat(w)
    if angle < _SMALL_ANGLE_RAD:
        d = 1 / 12 + angle**2 / 720 + angle**4 / 30240
    else:
        d = (1 - a / (2 * b)) / (angle * angle)
    v = (np.eye(3) - 0.5 * k + d * (k @ k)) @ transform[:3, 3]
    return np.concatenate([v, w])


def adjoint(transform):
    """Return Ad [6, 6] with `T exp(xi) T^-1 == exp(Ad xi)`."""
    r, p = transform[:3, :3], transform[:3, 3]
    ad = np.zeros((6, 6))
    ad[:3, :3] = ad[3:, 3:] = r
    ad[:3, 3:] = hat(p) @ r
    return ad


def inverse(transform):
    """Return the inverse of a rigid transform (exact transpose, no solve)."""
    out = np.eye(4)
    out[:3, :3] = transform[:3, :3].T
    out[:3, 3] = -out[:3, :3] @ transform[:3, 3]
    return out


def perturb(xi, transform, centre):
    """
    Left-multiply `transform` by exp(xi), with rotations about the point `centre`.

    `xi` [6] and `centre` [3] are in the transform's target frame.  About the isocentre of a CT,
    rotation and translation are nearly uncoupled, which keeps a 6x6 system well conditioned.
    """
    to_centre, back = np.eye(4), np.eye(4)
    to_centre[:3, 3] = -np.asarray(centre)
    back[:3, 3] = centre
    return back @ exp(xi) @ to_centre @ transform


def from_rotation_translation(rotation, translation):
    """Build a 4x4 transform from a rotation matrix [3, 3] and a translation [3] (m)."""
    out = np.eye(4)
    out[:3, :3] = rotation
    out[:3, 3] = translation
    return out


def from_quaternion(translation, quaternion_xyzw):
    """
    Build a transform from a translation [3] (m) and a quaternion (x, y, z, w).

    Raises InputError where a number is not finite, the norm is not 1 within 1e-3, or the place is
    beyond MAX_DISTANCE_M.
    """
    q = np.asarray(quaternion_xyzw, float)
    t = np.asarray(translation, float)
    if not (np.isfinite(q).all() and np.isfinite(t).all()):
        raise InputError('the pose holds NaN or infinity: check what publishes it')
    norm = math.hypot(*q)
    if abs(norm - 1) > 1e-3:
        raise InputError(
            f'the quaternion has norm {norm:.4g}, expected 1: normalise it, '
            'and check the order x, y, z, w'
        )
    _check_distance(t, 'the pose')
    return from_rotation_translation(Rotation.from_quat(q).as_matrix(), t)


def _check_distance(translation, what):
    farthest = np.abs(translation).max()
    if farthest > MAX_DISTANCE_M:
        raise InputError(f'{what} is {farthest:.3g} m away: check its numbers and their unit')


def to_quaternion(transform):
    """Return (translation [3] in m, quaternion [4] as x, y, z, w with w >= 0)."""
    quaternion = Rotation.from_matrix(transform[:3, :3]).as_quat(canonical=True)
    return transform[:3, 3].copy(), quaternion


def validated(matrix, what):
    """
    Return `matrix` as a float64 4x4 rigid transform, its rotation made orthonormal.

    `matrix` is 16 numbers (row-major) or 4x4; `what` names it in the error.  Raises InputError
    where it is not rigid within 1e-3 (a scaled (mm?) or mirrored matrix is never repaired) or
    leads beyond MAX_DISTANCE_M.
    """
    try:
        m = np.asarray(matrix, float)
    except (TypeError, ValueError):
        raise InputError(f'{what} is not made of numbers') from None
    if m.size != 16:
        raise InputError(f'{what} has {m.size} numbers, expected 16 (a 4x4 matrix, row-major)')
    m = m.reshape(4, 4).copy()
    if not np.isfinite(m).all():
        raise InputError(f'{what} holds NaN or infinity')
    if np.abs(m[3] - [0, 0, 0, 1]).max() > 1e-6:
        raise InputError(f'{what} has the last row {m[3].tolist()}, expected 0 0 0 1 (row-major?)')
    if np.linalg.det(m[:3, :3]) < 0:
        raise InputError(
            f'{what} is mirrored (determinant < 0): a mirrored image is declared by image_flip'
        )
    if np.abs(m[:3, :3] @ m[:3, :3].T - np.eye(3)).max() > 1e-3:
        raise InputError(f'{what} is not rigid: its rotation part is scaled or sheared')
    _check_distance(m[:3, 3], what)
    u, _, vt = np.linalg.svd(m[:3, :3])
    m[:3, :3] = u @ vt
    return m


def interpolate(a, b, fraction):
    """Interpolate two transforms: linear in translation, slerp in rotation (tf2's rule)."""
    turn = Rotation.from_matrix(a[:3, :3].T @ b[:3, :3]).as_rotvec()
    rotation = a[:3, :3] @ exp(np.concatenate([np.zeros(3), fraction * turn]))[:3, :3]
    return from_rotation_translation(rotation, (1 - fraction) * a[:3, 3] + fraction * b[:3, 3])


def apply(transform, points):
    """Transform points [..., 3] (m)."""
    return points @ transform[:3, :3].T + transform[:3, 3]


def rotation_angle(transform):
    """Return the rotation angle of a transform in rad."""
    return float(Rotation.from_matrix(transform[:3, :3]).magnitude())
