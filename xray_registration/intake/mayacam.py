"""
MayaCam 2.0 calibrations, as XMALab writes and Autoscoper reads them.

Pixels are K (R X + t), with integer centres, rows counted from the top, and nothing mirrored:
XMALab calibrates with OpenCV.  X and t are in the unit in which the calibration cube was measured,
which the file does not hold; the images are those that XMALab has undistorted.
"""

from pathlib import Path

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.intake.carm_view import CarmView

# Sections in the order of the file, with rows and numbers in a row.
_SECTIONS = {
    'image size': (1, 2),
    'camera matrix': (3, 3),
    'rotation': (3, 3),
    'translation': (3, 1),
}

# From source to calibration cube.  Cubes measured in cm or m land outside of it.
_SOURCE_DISTANCE_MM = (200.0, 5000.0)


def read_mayacam(path, unit_mm=1.0):
    """
    Read a MayaCam 2.0 file; return a CarmView without pixels.

    The reference is the calibration cube.  `unit_mm` is the unit of the cube's coordinates.
    Raises InputError, naming the file, for MayaCam 1.0, damage, and units that cannot be.
    """
    path = Path(path)
    values = _sections(path)
    (width, height), k = values['image size'][0].tolist(), values['camera matrix']
    if k[0, 1] != 0 or (np.tril(k, -1) != 0).any() or k[2, 2] != 1:
        raise InputError(
            f'{path}: the camera matrix is {k.ravel().tolist()}, expected fx,0,cx 0,fy,cy 0,0,1'
        )
    if not (width.is_integer() and height.is_integer()):
        raise InputError(f'{path}: the image size is {width:g},{height:g}, expected whole numbers')
    distance_mm = float(np.linalg.norm(values['translation'])) * unit_mm
    low, high = _SOURCE_DISTANCE_MM
    if not low <= distance_mm <= high:
        raise InputError(
            f'{path}: the source is {distance_mm:.4g} mm from the origin of the calibration cube, '
            f'expected {low:g} to {high:g}: write the translation in mm'
        )
    try:
        intrinsics = (float(x) for x in (k[0, 0], k[1, 1], k[0, 2], k[1, 2]))
        camera = PinholeCamera(int(width), int(height), *intrinsics).validated()
    except InputError as error:
        raise InputError(f'{path}: {error}') from None
    pose = se3.from_rotation_translation(
        values['rotation'], values['translation'].ravel() * unit_mm * 1e-3
    )
    return CarmView(
        camera,
        se3.validated(pose.ravel(), f'{path}: rotation'),
        text='MayaCam 2.0; the reference is the calibration cube',
    )


def write_mayacam(path, view):
    """Write camera and pose of a CarmView (unflipped) as a MayaCam 2.0 file in mm."""
    view = view.unflipped()
    camera, pose = view.camera, view.camera_from_reference
    blocks = {
        'image size': [[camera.width, camera.height]],
        'camera matrix': camera.matrix,
        'rotation': pose[:3, :3],
        'translation': pose[:3, 3:] * 1e3,
    }
    text = '\n'.join(f'{name}\n{_rows(rows)}' for name, rows in blocks.items())
    Path(path).write_text(text, encoding='ascii')


def _rows(rows):
    return ''.join(','.join(repr(float(x)).removesuffix('.0') for x in row) + '\n' for row in rows)


def _sections(path):
    try:
        lines = [line.strip() for line in path.read_text(encoding='ascii').splitlines()]
    except OSError as error:
        raise InputError(f'{path}: cannot be read: {error.strerror}') from None
    except UnicodeDecodeError:
        raise InputError(f'{path}: is no MayaCam 2.0 text file: it holds binary data') from None
    lines = [line for line in lines if line]
    if not lines or lines[0].lower() not in _SECTIONS:
        raise InputError(
            f'{path}: does not begin with "image size" as MayaCam 2.0 does: export the '
            'calibration of XMALab as MayaCam 2.0'
        )
    found = {}
    while lines:
        name = lines.pop(0).lower()
        if name not in _SECTIONS or name in found:
            raise InputError(f'{path}: {name[:40]!r} stands where a new section should begin')
        rows, columns = _SECTIONS[name]
        found[name] = _numbers(path, name, lines[:rows], (rows, columns))
        del lines[:rows]
    if missing := [name for name in _SECTIONS if name not in found]:
        raise InputError(f'{path}: has no section {missing[0]!r}: is the file truncated?')
    return found


def _numbers(path, name, lines, shape):
    try:
        values = np.array([[float(x) for x in line.split(',')] for line in lines])
    except ValueError:
        values = np.empty(0)
    if values.shape != shape or not np.isfinite(values).all():
        raise InputError(
            f'{path}: {name} is not {shape[0]} rows of {shape[1]} finite numbers with commas'
        )
    return values
