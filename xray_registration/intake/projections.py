"""Projections in files of ITK (MetaImage, NRRD), with the detector that RTK takes them for."""

import numpy as np
import SimpleITK as sitk

from surgical_perception.errors import InputError
from xray_registration.intake.rtk import DetectorGrid
from xray_registration.intake.selection import chosen_number

SUFFIXES = ('.mha', '.mhd', '.nrrd', '.nhdr')

_MAX_PIXELS = 2**26
_ALIGNED = 1e-6


def read_projection(path, name=None):
    """
    Read one projection; return (pixels [H, W] as stored, DetectorGrid).

    `name` is its number in a stack, counted from 0.  Raises InputError, naming the file.
    """
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        size = list(reader.GetSize())
        if len(size) not in (2, 3) or size[0] * size[1] > _MAX_PIXELS:
            raise InputError(f'{path}: {size} pixels are no projection')
        number = chosen_number(path, name, size[2] if len(size) == 3 else 1)
        if len(size) == 3:
            reader.SetExtractIndex([0, 0, number])
            reader.SetExtractSize([*size[:2], 0])
        image = reader.Execute()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f'{path}: cannot be read as a projection ({reason})') from None
    pixels = sitk.GetArrayFromImage(image)
    if pixels.ndim != 2 or pixels.dtype.kind not in 'iuf':
        raise InputError(f'{path}: holds {pixels.dtype} {pixels.shape}, expected one grey channel')
    # Of a stack, the header counts as RTK reads it: its third axis is the number.
    dimension = len(size)
    direction = np.reshape(reader.GetDirection(), (dimension, dimension))[:2, :2]
    if np.abs(np.abs(direction) - np.eye(2)).max() > _ALIGNED:
        raise InputError(f'{path}: the axes of the projection are turned: {direction.tolist()}')
    du_mm, dv_mm = (np.diag(direction) * reader.GetSpacing()[:2]).tolist()
    u0_mm, v0_mm = reader.GetOrigin()[:2]
    return pixels, DetectorGrid(*size[:2], du_mm, dv_mm, u0_mm, v0_mm)
