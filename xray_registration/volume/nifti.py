"""NIfTI-1 and NIfTI-2 (.nii, .nii.gz): RAS millimetres in, LPS metres out."""

import io
from itertools import chain

import nibabel as nib
import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.geometry.frames import LPS_FROM_RAS
from xray_registration.volume.grid import VoxelGrid, checked_affine, is_same_grid, rescaled
from xray_registration.volume.limits import sha256_of
from xray_registration.volume.payload import DAMAGED, gzip_chunks, raw_chunks, read_voxels

_HEADERS = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
_SINGLE_FILE_MAGIC = (b'n+1', b'n+2')

# The spatial part of xyzt_units.  Unknown (0) is read as mm, as every NIfTI tool does; the range
# of plausible voxels catches metres or microns that were not declared.
_METRES_PER_UNIT = {0: 1e-3, 1: 1.0, 2: 1e-3, 3: 1e-6}

# Extensions lie between header and voxels; they hold text, not volumes.
_MAX_HEADER_BYTES = 1 << 24


def read_nifti(path, limits):
    """
    Read one NIfTI file into a VoxelGrid.

    Where sform and qform are both set they have to agree; a file with neither is refused, since
    its left and right are unknown.  Raises InputError.
    """
    limits.check_files([path], path)
    gzipped = path.name.lower().endswith('.gz')
    with path.open('rb') as file:
        chunks = gzip_chunks(file) if gzipped else raw_chunks(file)
        try:
            head = _first_bytes(chunks, 540)
        except DAMAGED as error:
            raise InputError(f'{path}: cannot be unpacked as gzip ({error})') from None
        header = _parsed_header(head, path)
        size = _volume_size(header, path)
        limits.check_size(size, path)
        dtype = _voxel_dtype(header, path)
        ct_from_index = checked_affine(_ct_from_index(header, size, path), path)
        slope, intercept = _slope_and_intercept(header, path)
        voxels = _skipped(chain([head], chunks), int(header['vox_offset']), path)
        stored = read_voxels(voxels, size, dtype, path.stat().st_size, path)
    values = rescaled(stored, slope, intercept, path)
    return VoxelGrid(values, ct_from_index, sha256_of([path]))


def _first_bytes(chunks, count):
    """Return at least `count` bytes where the stream has them."""
    head = b''
    while len(head) < count and (chunk := next(chunks, b'')):
        head += chunk
    return head


def _parsed_header(head, path):
    # The first number is the header's length; it also tells the byte order.
    lengths = {order: int.from_bytes(head[:4], order) for order in ('little', 'big')}
    order = next((o for o, n in lengths.items() if n in _HEADERS and len(head) >= n), None)
    if order is None:
        raise InputError(f'{path}: is not a NIfTI file, whatever its name says')
    length = lengths[order]
    try:
        header = _HEADERS[length].from_fileobj(io.BytesIO(head), order, check=False)
    except (nib.spatialimages.HeaderDataError, ValueError) as error:
        raise InputError(f'{path}: the NIfTI header is damaged ({error})') from None
    if header['magic'].item()[:3] not in _SINGLE_FILE_MAGIC:
        raise InputError(f'{path}: is not a single-file NIfTI: convert the pair to .nii.gz')
    offset = float(header['vox_offset'])
    if not length <= offset <= _MAX_HEADER_BYTES:
        raise InputError(f'{path}: the voxels cannot start at byte {offset:g}: damaged header')
    return header


def _volume_size(header, path):
    """Return (x, y, z), without trailing axes of length 1."""
    axes = int(header['dim'][0])
    if not 1 <= axes <= 7:
        raise InputError(f'{path}: the NIfTI header announces {axes} axes: damaged header')
    size = [int(n) for n in header['dim'][1 : axes + 1]]
    while len(size) > 3 and size[-1] == 1:
        size.pop()
    return tuple(size)


def _voxel_dtype(header, path):
    try:
        dtype = header.get_data_dtype()
    except KeyError as code:
        raise InputError(f'{path}: NIfTI has no voxel type {code}: damaged header') from None
    if dtype.kind not in 'iuf' or dtype.itemsize > 8:
        raise InputError(f'{path}: voxels of type {dtype} are no CT: save it as int16')
    return dtype


def _slope_and_intercept(header, path):
    try:
        slope, intercept = header.get_slope_inter()
    except nib.spatialimages.HeaderDataError as error:
        raise InputError(f'{path}: {error}') from None
    return (1.0, 0.0) if slope is None else (slope, intercept)


def _ct_from_index(header, size, path):
    sform, qform = _coded_affines(header, path)
    if sform is None and qform is None:
        raise InputError(
            f'{path}: neither sform nor qform is set, so left and right are unknown: '
            'export the CT again with its orientation'
        )
    ras_from_index = qform if sform is None else sform
    if sform is not None and qform is not None and not is_same_grid(sform, qform, size):
        raise InputError(
            f'{path}: sform (code {int(header["sform_code"])}) and qform '
            f'(code {int(header["qform_code"])}) disagree: set the code of the wrong one to 0'
        )
    unit = int(header['xyzt_units']) & 7
    if unit not in _METRES_PER_UNIT:
        raise InputError(f'{path}: the unit code {unit} in xyzt_units is none of NIfTI')
    scale = np.diag([*[_METRES_PER_UNIT[unit]] * 3, 1])
    with np.errstate(invalid='ignore'):  # infinity in the header is refused by the caller
        return LPS_FROM_RAS @ scale @ ras_from_index


def _coded_affines(header, path):
    """Return (sform, qform) [4, 4] in file units; None where the code is 0."""
    try:
        return header.get_sform(coded=True)[0], header.get_qform(coded=True)[0]
    except (nib.spatialimages.HeaderDataError, ValueError, np.linalg.LinAlgError) as error:
        raise InputError(f'{path}: the orientation in the header is damaged ({error})') from None


def _skipped(chunks, count, path):
    """Yield the chunks without their first `count` bytes."""
    for chunk in chunks:
        if count < len(chunk):
            yield chunk[count:]
            count = 0
        else:
            count -= len(chunk)
    if count:
        raise InputError(f'{path}: ends before its voxels begin: copy it again')
