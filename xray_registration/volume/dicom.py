"""A folder with one DICOM CT series: every slice there, evenly spaced, on one upright grid."""

from collections import defaultdict
from itertools import pairwise

import numpy as np

from surgical_perception.errors import InputError
from xray_registration.volume.dicom_slice import is_dicom, read_rescaled, read_slice_header
from xray_registration.volume.grid import VoxelGrid, checked_affine
from xray_registration.volume.limits import sha256_of

# Share of the usual gap: interpolating over larger differences moves bone by a visible amount.
_MAX_GAP_DEVIATION = 0.01

# Slices of one scan repeat their orientation and pixel size up to the last written decimal.
_SAME = 1e-4

# Files that carry DICOM slices by name; anything else that is not DICOM is no slice.
_SLICE_SUFFIXES = ('.dcm', '.dicom', '.ima')


def read_dicom_series(folder, limits):
    """
    Read the one CT series in a folder (not its sub-folders) into a VoxelGrid.

    Slices are ordered along their normal, so that the grid is right-handed whatever the file
    names say.  Raises InputError naming the file for localizers, mixed series, missing or doubled
    slices, gaps that differ by more than 1 %, differing orientation, size or spacing, a tilted
    gantry, and pixels that cannot be unpacked.
    """
    paths = _slice_paths(folder)
    limits.check_files(paths, folder)
    slices = [read_slice_header(path) for path in paths]
    _check_one_series(slices, folder)
    _check_same_plane(slices)
    normal = slices[0].normal
    slices.sort(key=lambda s: float(normal @ s.position_mm))
    size = (*slices[0].size, len(slices))
    limits.check_size(size, folder)
    _check_gaps(slices)
    ct_from_index = checked_affine(_ct_from_index(slices), folder)
    digest = sha256_of([s.path for s in slices])
    return VoxelGrid(_values(slices, size), ct_from_index, digest)


def _slice_paths(folder):
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith('.'))
    paths = []
    for path in files:
        if path.name == 'DICOMDIR':
            continue
        if is_dicom(path):
            paths.append(path)
        elif path.suffix.lower() in _SLICE_SUFFIXES or path.stat().st_size == 0:
            raise InputError(f'{path}: is empty or not DICOM: copy the series again')
    if not paths:
        raise InputError(f'{folder}: holds no DICOM file: give the folder of one CT series')
    return paths


def _check_one_series(slices, folder):
    series = defaultdict(list)
    for s in slices:
        series[s.series_uid].append(s)
    if len(series) > 1:
        found = '; '.join(
            f'{members[0].series_name}: {len(members)} files from {members[0].path.name}'
            for members in series.values()
        )
        raise InputError(f'{folder}: holds {len(series)} series, keep one ({found})')


def _check_same_plane(slices):
    first = slices[0]
    for s in slices[1:]:
        for what, same in (
            ('frame of reference', s.frame_uid == first.frame_uid),
            ('number of rows and columns', s.size == first.size),
            ('pixel spacing', np.allclose(s.spacing_mm, first.spacing_mm, _SAME, 0)),
            ('orientation', _is_parallel(s, first)),
        ):
            if not same:
                raise InputError(
                    f'{s.path}: its {what} differs from that of {first.path.name}: '
                    'give one series of parallel slices'
                )


def _is_parallel(a, b):
    turn = np.concatenate([a.along_row - b.along_row, a.along_column - b.along_column])
    return np.abs(turn).max() <= _SAME


def _check_gaps(slices):
    """Raise InputError where sorted slices are doubled or not evenly spaced."""
    depths = np.array([slices[0].normal @ s.position_mm for s in slices])
    gaps = np.diff(depths)
    usual = float(np.median(gaps))
    for gap, (below, above) in zip(gaps, pairwise(slices), strict=True):
        names = f'{below.path.name} and {above.path.name}'
        folder = below.path.parent
        if gap < 1e-3:
            raise InputError(f'{folder}: {names} lie at the same place: keep one of them')
        if abs(gap - usual) > _MAX_GAP_DEVIATION * usual:
            missing = round(gap / usual) - 1
            reason = f'{missing} slice(s) missing' if missing > 0 else 'uneven slices'
            raise InputError(
                f'{folder}: the gap between {names} is {gap:.4g} mm where {usual:.4g} mm is '
                f'usual ({reason}): export the series again'
            )


def _ct_from_index(slices):
    """Return the affine (m); a stack that drifts sideways comes out as the shear that it is."""
    first, last = slices[0], slices[-1]
    between_rows, between_columns = first.spacing_mm
    step = (last.position_mm - first.position_mm) / (len(slices) - 1)
    affine = np.eye(4)
    affine[:3] = np.column_stack(
        [
            first.along_row * between_columns,
            first.along_column * between_rows,
            step,
            first.position_mm,
        ]
    )
    affine[:3] *= 1e-3
    return affine


def _values(slices, size):
    """Return the rescaled voxels [Z, Y, X], int16 where every value is whole and fits."""
    values = np.empty(size[::-1], np.int16)
    for index, header in enumerate(slices):
        plane = read_rescaled(header)
        if values.dtype == np.int16 and not _fits_int16(plane):
            values = values.astype(np.float32)
        values[index] = plane
    return values


def _fits_int16(plane):
    limits = np.iinfo(np.int16)
    in_range = plane.min() >= limits.min and plane.max() <= limits.max
    return in_range and np.array_equal(plane, np.rint(plane))
