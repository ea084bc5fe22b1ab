"""
Poses and detectors of DiffDRR, as a JSON file of its own arguments.

DiffDRR's camera has x left and y up in the image, z to the detector; its pose takes camera to
world, in mm and RAS, after `reorient` has turned the camera by its orientation.  'PA' is a
reflection, and so is reverse_x_axis = False: with one of them the image is mirrored as against the
view from the source, with both it is not.  The world's origin is the centre of the volume unless
it was read with center_volume = False.  Source: DiffDRR 0.6.1, detector.py and data.py.
"""

import json
from pathlib import Path

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.geometry.frames import RAS_FROM_LPS
from xray_registration.intake.carm_view import CT, CarmView

# Camera axes as pose[0] has them, before the pose.
_REORIENT = {
    'AP': [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
    'PA': [[1, 0, 0], [0, 0, 1], [0, 1, 0]],
    None: np.eye(3),
}

# Its camera is ours turned by 180 degrees about z.
_DIFFDRR_FROM_OURS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MIRROR_X = np.diag([-1.0, 1.0, 1.0, 1.0])

_NUMBERS = ('sdd', 'delx', 'dely', 'x0', 'y0')
_SIZES = ('height', 'width')
_OTHERS = ('reverse_x_axis', 'orientation', 'pose', 'isocenter')


def read_diffdrr(path):
    """
    Read one camera of DiffDRR; return a CarmView whose reference is the CT (LPS, m).

    All keys are needed: the arguments sdd, height, width, delx, dely, x0, y0 and reverse_x_axis
    of DRR, orientation of `read`, pose (16 numbers, row-major: pose.matrix), and isocenter (RAS,
    mm; 0, 0, 0 for center_volume = False).  Raises InputError, naming file and key.
    """
    path = Path(path)
    content = _content(path)
    sdd, delx, dely, x0, y0 = (_number(path, content, key) for key in _NUMBERS)
    height, width = (_number(path, content, key) for key in _SIZES)
    if not (height.is_integer() and width.is_integer() and min(sdd, delx, dely) > 0):
        raise InputError(f'{path}: sizes have to be whole, sdd, delx and dely positive numbers')
    reverse = content['reverse_x_axis']
    if not isinstance(reverse, bool):
        raise InputError(f'{path}: reverse_x_axis is {reverse!r}, expected true or false')
    orientation = content['orientation']
    if orientation not in (*_REORIENT,):
        raise InputError(f'{path}: orientation is {orientation!r}, expected "AP", "PA" or null')
    world_from_camera = se3.validated(content['pose'], f'{path}: pose')
    turned = np.eye(4)
    turned[:3, :3] = _REORIENT[orientation]
    world_from_camera = world_from_camera @ turned
    if np.linalg.det(world_from_camera) < 0:
        world_from_camera, reverse, x0 = world_from_camera @ _MIRROR_X, not reverse, -x0
    world_from_camera[:3, 3] += _vector(path, content['isocenter'])
    world_from_camera[:3, 3] *= 1e-3
    # Its offsets move the detector, along the axes of its own camera.
    across = x0 if reverse else -x0
    try:
        camera = PinholeCamera.from_carm(int(width), int(height), sdd, delx, dely, across, y0)
        camera = camera.validated()
    except InputError as error:
        raise InputError(f'{path}: {error}') from None
    pose = se3.inverse(RAS_FROM_LPS @ world_from_camera @ _DIFFDRR_FROM_OURS)
    flip = 'none' if reverse else 'horizontal'
    text = f'DiffDRR, orientation {orientation}; the reference is the CT; flip {flip}'
    return CarmView(camera, pose, CT, flip=flip, text=text)


def write_diffdrr(path, view, sdd_mm):
    """
    Write a CarmView whose reference is the CT, for `read(..., orientation=None,
    center_volume=False)` and unflipped images; `sdd_mm` fixes the pixel size.
    """
    view = view.unflipped()
    camera = view.camera
    pose = RAS_FROM_LPS @ se3.inverse(view.camera_from_reference) @ _DIFFDRR_FROM_OURS
    pose[:3, 3] *= 1e3
    delx, dely = sdd_mm / camera.fx, sdd_mm / camera.fy
    content = {
        'sdd': sdd_mm,
        'height': camera.height,
        'width': camera.width,
        'delx': delx,
        'dely': dely,
        'x0': (camera.cx - (camera.width - 1) / 2) * delx,
        'y0': (camera.cy - (camera.height - 1) / 2) * dely,
        'reverse_x_axis': True,
        'orientation': None,
        'isocenter': [0.0, 0.0, 0.0],
        'pose': pose.ravel().tolist(),
    }
    Path(path).write_text(json.dumps(content, indent=1), encoding='ascii')


def _content(path):
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise InputError(f'{path}: cannot be read: {error.strerror}') from None
    except (ValueError, RecursionError) as error:
        raise InputError(f'{path}: is no JSON: {error}') from None
    keys = {*_NUMBERS, *_SIZES, *_OTHERS}
    if not isinstance(content, dict) or set(content) != keys:
        wrong = keys ^ set(content) if isinstance(content, dict) else keys
        raise InputError(
            f'{path}: is no camera of DiffDRR: missing or unknown are {", ".join(sorted(wrong))}'
        )
    return content


def _number(path, content, key):
    value = content[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise InputError(f'{path}: {key} is {value!r}, expected a number')
    return float(value)


def _vector(path, value):
    try:
        vector = np.asarray(value, float)
    except (TypeError, ValueError):
        vector = np.empty(0)
    if vector.shape != (3,) or not np.isfinite(vector).all():
        raise InputError(f'{path}: isocenter is {value!r}, expected 3 numbers (RAS, mm)')
    return vector
