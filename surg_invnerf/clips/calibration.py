"""
Calibration files: of rectified images (our calib.yaml), or of a raw pair (OpenCV, as in SCARED).
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import yaml

from surg_invnerf.camera import StereoCamera
from surg_invnerf.stereo.rectify import RawEye, Rectifier
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera

NEEDED_KEYS = ('width', 'height', 'fx', 'fy', 'cx', 'cy', 'baseline_m', 'fps')
OPTIONAL_KEYS = ('right_cx',)

_OPENCV_MARK = '!!opencv-matrix'
_MM_PER_M = 1e3
# An endoscope's baseline in millimetres; metres would be a thousand times smaller.
_MIN_BASELINE_MM = 0.5


def is_raw(path):
    """Return whether a file is OpenCV's YAML, which describes an unrectified pair."""
    return _OPENCV_MARK in _text(path)


def load_rectified(path):
    """
    Read calib.yaml of rectified images; return (StereoCamera, fps).

    Keys width, height, fx, fy, cx, cy (pixels), baseline_m, fps, and right_cx where it differs
    from cx.  Raises InputError for others, missing ones, and values that no endoscope has.
    """
    try:
        content = yaml.safe_load(_text(path))
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f'{path}: is no YAML: {" ".join(str(error).split())}') from None
    if not isinstance(content, dict):
        raise InputError(f'{path}: expected the keys {", ".join(NEEDED_KEYS)}')
    missing = [key for key in NEEDED_KEYS if key not in content]
    unknown = [str(key) for key in content if key not in NEEDED_KEYS + OPTIONAL_KEYS]
    if missing or unknown:
        what = f'has no {", ".join(missing)}' if missing else f'has unknown {", ".join(unknown)}'
        raise InputError(f'{path}: {what}: expected the keys {", ".join(NEEDED_KEYS)}')
    values = {key: _number(path, key, value) for key, value in content.items()}
    if not values['fps'] > 0:
        raise InputError(f'{path}: fps is {values["fps"]:g}, expected a positive number')
    left = PinholeCamera(*(values[key] for key in NEEDED_KEYS[:6]))
    try:
        camera = StereoCamera(left, values['baseline_m'], values.get('right_cx')).validated()
    except InputError as error:
        raise InputError(f'{path}: {error}') from None
    return camera, float(values['fps'])


@dataclass(frozen=True)
class RawPair:
    """A calibrated raw pair: images of one size, two RawEyes, right_from_left [4, 4] (m)."""

    path: Path
    width: int
    height: int
    left: RawEye
    right: RawEye
    right_from_left: np.ndarray

    def rectifier(self):
        """Return its Rectifier; raises InputError where eyes or units are mixed up."""
        try:
            return Rectifier(self.width, self.height, self.left, self.right, self.right_from_left)
        except InputError as error:
            raise InputError(f'{self.path}: {error}') from None


def load_raw_pair(path, width, height):
    """
    Read an OpenCV stereo calibration of raw images of a size; return the RawPair.

    Keys as in SCARED: M1, D1, M2, D2 (or K1, K2), R and T of right_from_left, T in millimetres.
    """
    found = _opencv_matrices(path)
    eyes = []
    for side in '12':
        matrix = found.get(f'M{side}', found.get(f'K{side}'))
        if matrix is None or matrix.shape != (3, 3):
            raise InputError(f'{path}: has no 3x3 matrix M{side}')
        eyes.append(RawEye(matrix, found.get(f'D{side}', np.zeros(5)).ravel()))
        _check_inside(path, side, matrix, width, height)
    translation_mm = found.get('T', np.empty(0)).ravel()
    rotation = found.get('R', np.empty(0))
    if translation_mm.size != 3 or rotation.shape != (3, 3):
        raise InputError(
            f'{path}: has no R (3x3) and T (3 numbers) from the left to the right eye'
        )
    if np.linalg.norm(translation_mm) < _MIN_BASELINE_MM:
        raise InputError(
            f'{path}: T is {np.linalg.norm(translation_mm):g} mm long: it must be in millimetres, '
            'not metres'
        )
    right_from_left = se3.from_rotation_translation(rotation, translation_mm / _MM_PER_M)
    return RawPair(Path(path), width, height, *eyes, right_from_left)


def _opencv_matrices(path):
    """Return {name: matrix float64} of an OpenCV YAML file."""
    if not is_raw(path):
        raise InputError(
            f'{path}: is no stereo calibration of OpenCV (it holds no {_OPENCV_MARK})'
        )
    try:
        storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
        root = storage.root()
        names = [name for name in root.keys() if root.getNode(name).isMap()]  # noqa: SIM118
        found = {name: root.getNode(name).mat() for name in names}
        storage.release()
    except (cv2.error, SystemError) as error:
        raise InputError(
            f'{path}: is a damaged OpenCV YAML: {" ".join(str(error).split())}'
        ) from None
    found = {name: np.asarray(m, float) for name, m in found.items() if m is not None}
    for name, matrix in found.items():
        if not np.isfinite(matrix).all():
            raise InputError(f'{path}: {name} holds NaN or infinity')
    return found


def _check_inside(path, side, matrix, width, height):
    cx, cy = matrix[0, 2], matrix[1, 2]
    if not (0 <= cx < width and 0 <= cy < height):
        raise InputError(
            f'{path}: M{side} has its principal point at ({cx:g}, {cy:g}), outside the '
            f'{width}x{height} images: calibrate at the size that is used'
        )


def _number(path, key, value):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise InputError(f'{path}: {key} is {value!r}, expected a number')
    if key in ('width', 'height') and not isinstance(value, int):
        raise InputError(f'{path}: {key} is {value!r}, expected a whole number')
    return value


def _text(path):
    try:
        return Path(path).read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: cannot be read as a calibration: {error}') from None
