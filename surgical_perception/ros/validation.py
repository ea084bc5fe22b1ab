"""
What a message must be before anything is computed from it; a refusal says what to change.

Each function returns what it had to compute anyway, so that nobody computes it again unchecked.
"""

import math

import numpy as np

from surgical_perception import images
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.ros import stamps

# Rounding makes a true covariance asymmetric or slightly negative by this share of its scale.
_COVARIANCE_ROUNDING = 1e-6
# tf2 accepts | |q|^2 - 1 | below this from others; our own messages are exact.
_TF_QUATERNION_TOLERANCE = 1e-2


def validate_header(header, what='message', expected_frame=None):
    """
    Return the stamp (ns) of a std_msgs/Header.

    Raises InputError for stamp 0, a stamp that is no time, a frame id that is empty, starts with a
    slash, or is not `expected_frame` where one is given.
    """
    sec, nanosec = header.stamp.sec, header.stamp.nanosec
    if sec == 0 and nanosec == 0:
        raise InputError(f'{what} has stamp 0: its driver must set header.stamp')
    if sec < 0 or nanosec >= stamps.NS_PER_S:
        raise InputError(f'{what} has the stamp {sec} s + {nanosec} ns, which is no time')
    frame = header.frame_id
    if not frame:
        raise InputError(f'{what} has an empty frame_id: its driver must set header.frame_id')
    if frame.startswith('/'):
        raise InputError(f'{what} has frame_id {frame!r}: publish it without the leading slash')
    if expected_frame is not None and frame != expected_frame:
        raise InputError(
            f'{what} is given in frame {frame!r}, expected {expected_frame!r}: '
            'transform it or change the frame parameters'
        )
    return stamps.to_ns(header.stamp)


def validate_image(msg, camera_info=None, what='image'):
    """
    Return the PinholeCamera of an image's camera_info, or None where none is given.

    Raises InputError for a bad header, encoding or size, NaN or infinity in a float image, and a
    camera_info that is uncalibrated or of another size.
    """
    validate_header(msg.header, what)
    pixels = images.pixels_as_sent(msg)
    if pixels.dtype.kind == 'f' and not np.isfinite(pixels).all():
        raise InputError(f'{what} holds NaN or infinity: replace such pixels before publishing')
    if camera_info is None:
        return None
    if (camera_info.width, camera_info.height) != (msg.width, msg.height):
        raise InputError(
            f'{what} is {msg.width}x{msg.height}, its camera_info is for '
            f'{camera_info.width}x{camera_info.height}: publish the camera_info of this image '
            '(crop and binning change it)'
        )
    return PinholeCamera.from_camera_info(camera_info)


def validate_pose(pose, what='pose'):
    """
    Return the 4x4 matrix (m) of a geometry_msgs/Pose.

    Raises InputError for NaN or a quaternion whose norm is not 1 within 1e-3.
    """
    p, q = pose.position, pose.orientation
    try:
        return se3.from_quaternion([p.x, p.y, p.z], [q.x, q.y, q.z, q.w])
    except InputError as error:
        raise InputError(f'{what}: {error}') from None


def pose_from_transform(transform):
    """
    Return the 4x4 matrix (m) of a geometry_msgs/Transform.

    Raises InputError for NaN or a quaternion whose squared norm is not 1 within tf2's 1e-2.
    """
    q, t = transform.rotation, transform.translation
    quaternion = np.array([q.x, q.y, q.z, q.w])
    norm = math.hypot(*quaternion)
    if not abs(norm * norm - 1) < _TF_QUATERNION_TOLERANCE:
        raise InputError(f'the quaternion has norm {norm:.4g}, expected 1: normalise it')
    return se3.from_quaternion([t.x, t.y, t.z], quaternion / norm)


def validate_covariance(covariance, what='pose'):
    """
    Return the 6x6 matrix of a PoseWithCovariance's 36 numbers (m, rad).

    Raises InputError where it is not finite, symmetric and positive semi-definite.  All zero
    passes: in ROS it means unknown.
    """
    matrix = np.asarray(covariance, float)
    if matrix.size != 36:
        raise InputError(f'{what} has a covariance of {matrix.size} numbers, expected 36')
    matrix = matrix.reshape(6, 6)
    if not np.isfinite(matrix).all():
        raise InputError(f'{what} has NaN or infinity in its covariance: check what publishes it')
    rounding = _COVARIANCE_ROUNDING * np.abs(matrix).max()
    if np.abs(matrix - matrix.T).max() > rounding:
        raise InputError(f'{what} has a covariance that is not symmetric: is it row-major 6x6?')
    smallest = np.linalg.eigvalsh(matrix)[0]
    if smallest < -rounding:
        raise InputError(
            f'{what} has a covariance with the negative eigenvalue {smallest:.3g}: '
            'variances cannot be negative'
        )
    return matrix
