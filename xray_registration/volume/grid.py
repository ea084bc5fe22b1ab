"""A voxel grid as a file holds it, and the checks that every format shares."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from surgical_perception.errors import InputError

# A cosine of 1e-3 between axes (0.06 degrees) is the rounding of the four decimals that some
# scanners write; a tilted gantry is sheared by degrees.
_MAX_AXIS_COSINE = 1e-3

# Outside these no CT of a patient lies, but one whose header has the wrong unit does.
_MIN_SPACING_MM, _MAX_SPACING_MM = 0.005, 50.0

# Two affines are one grid where no corner of the volume moves by more than this share of the
# smallest voxel: float32 headers round far below it, half a voxel of misplacement lies above.
_MAX_CORNER_SHIFT_VOXELS = 0.05


@dataclass(frozen=True)
class VoxelGrid:
    """
    What a format's reader returns.

    values          [Z, Y, X] int16 where that loses nothing, else float32
    ct_from_index   [4, 4] (x, y, z) voxel indices to DICOM LPS in metres
    sha256          of the bytes that were read
    """

    values: np.ndarray
    ct_from_index: np.ndarray
    sha256: str


def checked_affine(ct_from_index, name):
    """Return the affine [4, 4] (m), or raise InputError where it is not a grid of square axes."""
    axes = ct_from_index[:3, :3]
    if not np.isfinite(ct_from_index).all():
        raise InputError(f'{name}: the affine is not finite (a voxel spacing of zero?)')
    spacing_mm = np.linalg.norm(axes, axis=0) * 1e3
    if not ((spacing_mm >= _MIN_SPACING_MM) & (spacing_mm <= _MAX_SPACING_MM)).all():
        sizes = ' x '.join(f'{s:.4g}' for s in spacing_mm)
        raise InputError(
            f'{name}: voxels of {sizes} mm cannot be those of a CT '
            f'(expected {_MIN_SPACING_MM:g} to {_MAX_SPACING_MM:g} mm): check its unit'
        )
    unit = axes / (spacing_mm * 1e-3)
    cosine = np.abs(unit.T @ unit - np.eye(3)).max()
    if cosine > _MAX_AXIS_COSINE:
        raise InputError(
            f'{name}: the voxel axes are sheared by {np.degrees(np.arcsin(min(cosine, 1))):.2f} '
            'degrees (tilted gantry?): resample the CT to a rectangular grid'
        )
    return ct_from_index


def largest_corner_shift(affine, other, size):
    """Return how far the corners of a grid of `size` (x, y, z) move between two affines (m)."""
    corners = np.array([[*c, 1.0] for c in product(*((0, n - 1) for n in size))])
    return float(np.linalg.norm((corners @ (affine - other).T)[:, :3], axis=1).max())


def is_same_grid(affine, other, size):
    """Tell whether two affines place a grid of `size` (x, y, z) at the same spot."""
    smallest = np.linalg.norm(affine[:3, :3], axis=0).min()
    return largest_corner_shift(affine, other, size) <= _MAX_CORNER_SHIFT_VOXELS * smallest


def rescaled(stored, slope, intercept, name):
    """
    Return `slope * stored + intercept` [Z, Y, X]: int16 where it loses nothing, else float32.

    Raises InputError where a value is not finite.
    """
    stored = stored.astype(stored.dtype.newbyteorder('='), copy=False)
    if stored.dtype == np.int16 and (slope, intercept) == (1, 0):
        return stored
    # Slice by slice: a whole volume in float64 would take four times the memory of the result.
    values = np.empty(stored.shape, _result_dtype(stored, slope, intercept))
    for target, source in zip(values, stored, strict=True):
        with np.errstate(over='ignore', invalid='ignore'):
            target[...] = source.astype(np.float64) * slope + intercept
        if values.dtype == np.float32 and not np.isfinite(target).all():
            raise InputError(
                f'{name}: the voxels hold NaN or infinity: fill them with air (-1000 HU)'
            )
    return values


def _result_dtype(stored, slope, intercept):
    """Return int16 where every value is a whole number that fits."""
    if stored.dtype.kind == 'f' or slope != int(slope) or intercept != int(intercept):
        return np.float32
    ends = [int(v) * int(slope) + int(intercept) for v in (stored.min(), stored.max())]
    fits = min(ends) >= -(2**15) and max(ends) < 2**15
    return np.int16 if fits else np.float32
