"""
Any file with an X-ray or a C-arm's geometry, told by its name.

A file that holds several is followed by # and which one is meant: run.dcm#12, stack.mha#0,
deepfluoro.h5#17-1882/000.
"""

from dataclasses import dataclass

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.geometry.camera import load_camera_yaml
from xray_registration.image_files import load_xray
from xray_registration.intake import projections
from xray_registration.intake.carm_view import CarmView
from xray_registration.intake.dicom_xa import read_dicom_pixels, read_dicom_xray
from xray_registration.intake.diffdrr import read_diffdrr
from xray_registration.intake.mayacam import read_mayacam
from xray_registration.intake.rtk import DetectorGrid, read_rtk
from xray_registration.intake.selection import chosen_number, split_name
from xray_registration.intake.xreg import read_xreg

_YAML = ('.yaml', '.yml')
_HDF5 = ('.h5', '.hdf5')
_DICOM = ('.dcm', '.dicom', '.ima')


@dataclass(frozen=True)
class Picture:
    """
    The pixels of an X-ray, and what their file says of them.

    intensity, flip   None where the file does not say
    plain             a picture format, which can say neither
    grid              place of the pixels on RTK's detector, or None
    """

    pixels: np.ndarray
    intensity: str | None = None
    flip: str | None = None
    plain: bool = False
    grid: DetectorGrid | None = None


def open_view(path, grid=None):
    """
    Read a C-arm's geometry, with pixels where the file holds them; return a CarmView.

    path    camera_info YAML, MayaCam 2.0 (.txt), RTK geometry (.xml), xReg or DeepFluoro (.h5),
            DiffDRR (.json), or a DICOM X-ray
    grid    DetectorGrid of the projections, for RTK geometries, which do not hold it

    Raises InputError, naming the file.
    """
    file, name = split_name(path)
    suffix = file.suffix.lower()
    if suffix in _HDF5:
        return read_xreg(file, name)
    if suffix == '.xml':
        return _rtk_view(path, file, name, grid)
    if _is_dicom(file):
        return read_dicom_xray(file, name)
    if name is not None:
        raise InputError(f'{path}: there is no such file, and {suffix} files hold one camera')
    if suffix in _YAML:
        camera, pose = load_camera_yaml(file)
        return CarmView(camera, pose, flip=None, text='camera_info')
    if suffix == '.txt':
        return read_mayacam(file)
    if suffix == '.json':
        return read_diffdrr(file)
    known = ', '.join([*_YAML, '.txt', '.xml', *_HDF5, '.json', *_DICOM])
    raise InputError(f'{path}: is of no known camera format: expected {known}')


def read_picture(path):
    """Read the pixels of an X-ray from any format that holds some; return a Picture."""
    file, name = split_name(path)
    suffix = file.suffix.lower()
    if suffix in _HDF5:
        view = read_xreg(file, name)
        if view.pixels is None:
            raise InputError(f'{path}: holds no pixels: give the image beside it')
        return Picture(view.pixels, view.intensity, view.flip)
    if suffix in projections.SUFFIXES:
        pixels, grid = projections.read_projection(file, name)
        return Picture(pixels, grid=grid)
    if _is_dicom(file):
        return Picture(*read_dicom_pixels(file, name))
    return Picture(load_xray(path), plain=True)


def holds_geometry(path):
    """Tell whether files of this name hold pixels and geometry in one."""
    file, _ = split_name(path)
    return file.suffix.lower() in _HDF5 or _is_dicom(file)


def _is_dicom(path):
    """Tell whether a file is DICOM: by its name or, where C-arms give it none, its beginning."""
    if path.suffix.lower() in _DICOM:
        return True
    if path.suffix or not path.is_file():
        return False
    with path.open('rb') as file:
        return file.read(132)[128:] == b'DICM'


def _rtk_view(path, file, name, grid):
    if grid is None:
        raise InputError(
            f'{path}: an RTK geometry holds no pixel grid: give the projections as MetaImage or '
            'NRRD, whose header has it'
        )
    views = read_rtk(file, grid)
    return views[chosen_number(file, name, len(views))]
