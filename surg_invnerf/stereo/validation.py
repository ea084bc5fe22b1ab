"""What the two camera_info of a rectified pair must say (REP 104, image_pipeline)."""

import warnings

import numpy as np

from surg_invnerf.camera import StereoCamera
from surgical_perception.errors import InputError
from surgical_perception.geometry.camera import PinholeCamera

# P[3] of the left eye is 0 by definition; what is left of it after arithmetic in float64.
_LEFT_SHIFT_PX_M = 1e-6
# Rectified eyes share focal length and rows; drivers print P with few digits.
_ROUNDING_PX = 1e-3
# Endoscopes have 3 to 6 mm between their eyes; microscopes and exoscopes have more.
_USUAL_BASELINE_M = 0.015


def stereo_camera_from_infos(left_info, right_info):
    """
    Return the StereoCamera of the sensor_msgs/CameraInfo of left and right image_rect.

    Works on any object with the fields width, height, k, d, p.  Warns (UserWarning) of a baseline
    above 15 mm.  Raises InputError where one is uncalibrated, where the two do not describe one
    rectified pair, and where the baseline says that eyes or units are mixed up.
    """
    left, left_shift = _projection(left_info, 'left')
    right, right_shift = _projection(right_info, 'right')
    _check_equal(left, right)
    if abs(left_shift) > _LEFT_SHIFT_PX_M:
        raise InputError(
            f'left camera_info has P[3] = {left_shift:g}, expected 0: left/right swapped?'
        )
    baseline_m = -right_shift / right.fx
    if baseline_m <= 0:
        raise InputError(
            f'right camera_info has P[3] = {right_shift:g}, which is a baseline of '
            f'{baseline_m:g} m: left/right swapped, or is P that of an unrectified camera?'
        )
    right_cx = None if abs(left.cx - right.cx) <= _ROUNDING_PX else right.cx
    camera = StereoCamera(left, baseline_m, right_cx).validated()
    if baseline_m > _USUAL_BASELINE_M:
        warnings.warn(
            f'the baseline is {1e3 * baseline_m:.1f} mm, endoscopes have 3 to 6 mm: '
            'check the calibration',
            stacklevel=2,
        )
    return camera


def _projection(info, eye):
    """Return the pinhole of a rectified image and P[3] (pixel metres)."""
    p = np.asarray(info.p, float).ravel()
    if p.size != 12 or p[0] == 0:
        raise InputError(
            f'{eye} camera_info has no projection matrix P: calibrate the stereo pair and publish '
            'the camera_info of image_rect'
        )
    try:
        return PinholeCamera.from_camera_info(info), p[3]
    except InputError as error:
        raise InputError(f'{eye} camera_info: {error}') from None


def _check_equal(left, right):
    if (left.width, left.height) != (right.width, right.height):
        raise InputError(
            f'left camera_info is for {left.width}x{left.height}, right for '
            f'{right.width}x{right.height}: rectify both eyes to one size'
        )
    for name in ('fx', 'fy', 'cy'):
        ours, theirs = getattr(left, name), getattr(right, name)
        if abs(ours - theirs) > _ROUNDING_PX:
            raise InputError(
                f'{name} is {ours:g} px left and {theirs:g} px right: the rows of a rectified '
                'pair are equal, so rectify both eyes with one calibration'
            )
