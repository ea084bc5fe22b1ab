"""Stacks of projections in files of ITK, with the detector that RTK takes them for."""

import math
from dataclasses import dataclass

import numpy as np

from surgical_perception.errors import InputError
from xray_registration.intake.rtk import DetectorGrid
from xray_registration.intake.selection import chosen_number
from xray_registration.volume.itk import read_metaimage, read_nrrd
from xray_registration.volume.limits import Limits

_READERS = {
    '.mha': read_metaimage,
    '.mhd': read_metaimage,
    '.nrrd': read_nrrd,
    '.nhdr': read_nrrd,
}
SUFFIXES = tuple(_READERS)

_ALIGNED = 1e-6


@dataclass(frozen=True)
class _StackLimits(Limits):
    """The largest stack that is read: one projection is one too, unlike a CT of one slice."""

    def check_size(self, size, name):
        if len(size) != 3 or math.prod(size) > self.max_voxels:
            raise InputError(
                f'{name}: {list(size)} pixels are no stack of projections: expected columns, rows '
                f'and number, {self.max_voxels} pixels in all at most'
            )


def read_projection(path, name=None):
    """
    Read one projection of a stack; return (pixels [H, W] as stored, DetectorGrid).

    `name` is its number, counted from 0.  Raises InputError, naming the file.
    """
    grid = _READERS[path.suffix.lower()](path, _StackLimits())
    number = chosen_number(path, name, len(grid.values))
    # The third axis counts projections; its direction means nothing.
    axes_mm = grid.ct_from_index[:3, :2] * 1e3
    steps_mm = np.diag(axes_mm)
    if np.abs(axes_mm - np.eye(3, 2) * steps_mm).max() > _ALIGNED * np.abs(steps_mm).max():
        raise InputError(f'{path}: the axes of the projections are turned: {axes_mm.T.tolist()}')
    height, width = grid.values.shape[1:]
    first_mm = (grid.ct_from_index[:2, 3] * 1e3).tolist()
    return grid.values[number], DetectorGrid(width, height, *steps_mm.tolist(), *first_mm)
