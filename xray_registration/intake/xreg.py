"""
HDF5 files of xReg and of the DeepFluoro data set, which share one camera convention.

Pixels are K (R X + t) with integer centres, x along columns and y along rows.  In a camera of type
det-neg-z, the z axis points to the X-ray source and K has negative focal lengths: the image is
seen from the detector, mirrored as against the view from the source.  World and CT are in mm, the
CT in LPS.
"""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.intake.carm_view import WORLD, CarmView
from xray_registration.intake.positioner import rolled
from xray_registration.intake.selection import chosen_number

_NEG_Z = 'origin-at-focal-pt-det-neg-z'
_POS_Z = 'origin-at-focal-pt-det-pos-z'

# Whether the image is mirrored, and turned by 180 degrees for the patient to be up -> flip.
_FLIPS = {
    (False, 0): 'none',
    (True, 0): 'horizontal',
    (True, 180): 'vertical',
    (False, 180): 'both',
}

# Half a turn about y: from z towards the source to z towards the detector, and x mirrored.
_FROM_NEG_Z = np.diag([-1.0, 1.0, -1.0, 1.0])

# DeepFluoro's images have a dark frame of that width, where no X-ray fell.
DEEPFLUORO_BORDER_PX = 50

_MAX_PIXELS = 2**26


def read_xreg(path, name=None):
    """
    Read one X-ray with its geometry; return a CarmView.

    `name` is the number of the projection in a file of xReg, and SPECIMEN/PROJECTION in one of
    DeepFluoro, such as 17-1882/000; it may be left out where there is one.  The reference is the
    camera's world.  Raises InputError, naming file and data set.
    """
    with _opened(path) as file:
        if 'proj-params' in file:
            return _deepfluoro_view(path, file, name)
        if 'num-projs' in file:
            return _xreg_view(path, file, name)
        return _camera_view(path, file)


def read_deepfluoro_truth(path, name, bone='pelvis'):
    """Return the published reference_from_ct [4, 4] (m) of `bone` in a DeepFluoro projection."""
    with _opened(path) as file:
        key = f'{_projection(path, file, name)}/gt-poses/cam-to-{bone}-vol'
        return se3.inverse(_pose_m(path, file, key))


def write_xreg(path, views):
    """Write CarmViews, with their pixels where they have them, as projection data of xReg."""
    with h5py.File(path, 'w') as file:
        file.attrs['xreg-type'] = 'proj-data'
        file['num-projs'] = np.uint64(len(views))
        for number, view in enumerate(views):
            _write(file.create_group(f'proj-{number:03d}'), view)


def _xreg_view(path, file, name):
    count = int(_numbers(path, file, 'num-projs', ()))
    group = f'proj-{chosen_number(path, name, count):03d}'
    turned = int(_numbers(path, file, f'{group}/rot-to-pat-up', (), optional=True) or 0)
    pixels = _pixels(path, file, f'{group}/img/pixels') if f'{group}/img' in file else None
    return _carm_view(path, file, f'{group}/cam', turned, pixels, None, 'xReg')


def _camera_view(path, file):
    if 'cam-coord-frame-type' not in file:
        raise InputError(
            f'{path}: holds none of proj-params (DeepFluoro), num-projs and cam-coord-frame-type '
            '(xReg): is it of another program?'
        )
    return _carm_view(path, file, '', 0, None, None, 'xReg')


def _deepfluoro_view(path, file, name):
    group = _projection(path, file, name)
    turned = 180 * int(_numbers(path, file, f'{group}/rot-180-for-up', (), optional=True) or 0)
    pixels = _pixels(path, file, f'{group}/image/pixels')
    view = _carm_view(path, file, 'proj-params', turned, pixels, 'raw', 'DeepFluoro', _NEG_Z)
    b, camera = DEEPFLUORO_BORDER_PX, view.camera
    inner = camera.cropped(b, b, camera.width - 2 * b, camera.height - 2 * b)
    return replace(
        view,
        camera=inner,
        pixels=view.pixels[b:-b, b:-b],
        text=f'{view.text}; {b} pixels cut off at each side',
    )


def _projection(path, file, name):
    specimen, _, number = str(name or '').partition('/')
    group = f'{specimen}/projections/{number}'
    if not (specimen and number and group in file):
        specimens = ', '.join(key for key in file if key != 'proj-params')
        raise InputError(
            f'{path}: has no projection {name}: give SPECIMEN/PROJECTION, such as '
            f'{path}#17-1882/000; its specimens are {specimens}'
        )
    return group


def _carm_view(path, file, group, turned, pixels, intensity, source, kind=None):
    kind = kind or _text(path, file, f'{group}/cam-coord-frame-type')
    if kind not in (_NEG_Z, _POS_Z):
        raise InputError(f'{path}: the camera is of type {kind}, expected {_NEG_Z} or {_POS_Z}')
    if turned not in (0, 180):
        raise InputError(f'{path}: the patient is up after {turned} degrees, expected 0 or 180')
    mirrored = kind == _NEG_Z
    k = _numbers(path, file, f'{group}/intrinsic', (3, 3))
    if k[0, 1] != 0 or (np.tril(k, -1) != 0).any() or k[2, 2] != 1:
        raise InputError(
            f'{path}: {group}/intrinsic has skew or is no camera matrix: {k.tolist()}'
        )
    sign = -1 if mirrored else 1
    size = [int(_numbers(path, file, f'{group}/num-{x}', ())) for x in ('cols', 'rows')]
    if pixels is not None and pixels.shape[::-1] != tuple(size):
        raise InputError(
            f'{path}: the image is {pixels.shape[1]}x{pixels.shape[0]}, its camera says '
            f'{size[0]}x{size[1]}'
        )
    try:
        intrinsics = sign * k[0, 0], sign * k[1, 1], k[0, 2], k[1, 2]
        camera = PinholeCamera(*size, *(float(x) for x in intrinsics)).validated()
    except InputError as error:
        raise InputError(f'{path}: {group}/intrinsic of {kind}: {error}') from None
    pose = _pose_m(path, file, f'{group}/extrinsic')
    pose = rolled(_FROM_NEG_Z @ pose if mirrored else pose, turned)
    flip = _FLIPS[mirrored, turned]
    text = f'{source}, camera of type {kind}, patient up after {turned} degrees; flip {flip}'
    return CarmView(camera, pose, WORLD, pixels, intensity, flip, text)


def _write(group, view):
    mirrored, turned = next(key for key, flip in _FLIPS.items() if flip == view.flip)
    camera, pose = view.camera, rolled(view.camera_from_reference, -turned)
    sign = -1 if mirrored else 1
    pose = _FROM_NEG_Z @ pose if mirrored else pose
    pose[:3, 3] *= 1e3
    cam = group.create_group('cam')
    cam['cam-coord-frame-type'] = np.bytes_(_NEG_Z if mirrored else _POS_Z)
    cam['intrinsic'] = camera.matrix * [[sign, 1, 1], [1, sign, 1], [1, 1, 1]]
    cam['extrinsic'] = pose
    cam['num-cols'], cam['num-rows'] = np.uint64(camera.width), np.uint64(camera.height)
    # xReg's K holds the focal length in pixels; with a pixel of 1 mm it is that in mm too.
    cam['col-spacing'] = cam['row-spacing'] = 1.0
    group['rot-to-pat-up'] = np.int32(turned)
    if view.pixels is not None:
        image = group.create_group('img')
        image.attrs['xreg-type'] = 'image-2D'
        image['dir-mat'], image['origin'], image['spacing'] = np.eye(2), np.zeros(2), np.ones(2)
        image['pixels'] = view.pixels


@contextmanager
def _opened(path):
    if not Path(path).is_file():
        raise InputError(f'{path}: there is no such file')
    try:
        with h5py.File(path, 'r') as file:
            yield file
    except InputError:
        raise
    except Exception as error:  # h5py lets whatever a damaged file causes through
        reason = ' '.join(str(error).split())
        raise InputError(f'{path}: is damaged or no HDF5 file ({reason})') from None


def _dataset(path, file, key):
    # Soft and external links may point anywhere, also at other files.
    if not isinstance(file.get(key, getlink=True), h5py.HardLink):
        raise InputError(f'{path}: {key} is missing')
    if not isinstance(file[key], h5py.Dataset):
        raise InputError(f'{path}: {key} is no data set')
    return file[key]


def _numbers(path, file, key, shape, optional=False):
    if optional and key not in file:
        return None
    data = _dataset(path, file, key)
    # xReg writes vectors and scalars as matrices of one column, or as they are.
    if data.dtype.kind not in 'iufb' or data.size != np.prod(shape, dtype=int):
        raise InputError(f'{path}: {key} is {data.dtype} {data.shape}, expected numbers {shape}')
    numbers = np.reshape(data[()], shape).astype(float)
    if not np.isfinite(numbers).all():
        raise InputError(f'{path}: {key} holds NaN or infinity')
    return numbers


def _pose_m(path, file, key):
    pose = _numbers(path, file, key, (4, 4))
    pose[:3, 3] *= 1e-3
    return se3.validated(pose, f'{path}: {key}')


def _text(path, file, key):
    value = _dataset(path, file, key)[()]
    return value.decode(errors='replace').rstrip('\0') if isinstance(value, bytes) else str(value)


def _pixels(path, file, key):
    data = _dataset(path, file, key)
    if data.ndim != 2 or data.dtype.kind not in 'iuf' or data.size > _MAX_PIXELS:
        raise InputError(f'{path}: {key} is {data.dtype} {data.shape}, expected one grey picture')
    return data[()]
