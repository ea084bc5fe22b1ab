"""A label mask on the grid of its CT."""

import numpy as np

from surgical_perception.errors import InputError
from xray_registration.volume.grid import is_same_grid, largest_corner_shift


def labels_on_grid(labels, labels_path, ct, ct_path):
    """
    Return the labels [Z, Y, X] as the smallest unsigned integers that hold them.

    `labels` and `ct` are VoxelGrids.  Labels are never resampled, since a shifted mask cuts the
    wrong bone; raises InputError where the two grids differ or the values are no labels.
    """
    size, expected = labels.values.shape[::-1], ct.values.shape[::-1]
    if size != expected:
        raise InputError(
            f'{labels_path}: the labels have {_text(size)} voxels but {ct_path} has '
            f'{_text(expected)}: resample the labels to the grid of the CT'
        )
    if not is_same_grid(ct.ct_from_index, labels.ct_from_index, size):
        shift = largest_corner_shift(ct.ct_from_index, labels.ct_from_index, size)
        raise InputError(
            f'{labels_path}: the labels lie up to {shift * 1e3:.3g} mm away from {ct_path}: '
            'resample the labels to the grid of the CT'
        )
    values = labels.values
    if values.min() < 0 or (values.dtype.kind == 'f' and (values != np.rint(values)).any()):
        raise InputError(f'{labels_path}: labels have to be whole numbers from 0 on')
    return values.astype(np.min_scalar_type(int(values.max())))


def _text(size):
    return ' x '.join(str(n) for n in size)
