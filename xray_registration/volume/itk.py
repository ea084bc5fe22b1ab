"""NRRD (.nrrd, .nhdr) and MetaImage (.mha, .mhd): geometry by ITK, which speaks LPS mm."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from surgical_perception.errors import InputError
from xray_registration.volume.grid import VoxelGrid, checked_affine, rescaled
from xray_registration.volume.limits import sha256_of
from xray_registration.volume.payload import gzip_chunks, raw_chunks, read_voxels, zlib_chunks

_MAX_HEADER_BYTES = 1 << 16

# Other spaces (scanner-xyz, none at all) do not say where the patient's left is.
_NRRD_SPACES = {
    'lps': 'left-posterior-superior',
    'ras': 'right-anterior-superior',
    'las': 'left-anterior-superior',
}
_NRRD_CHUNKS = {'raw': raw_chunks, 'gzip': gzip_chunks, 'gz': gzip_chunks}

_DTYPES = {
    sitk.sitkInt8: np.int8,
    sitk.sitkUInt8: np.uint8,
    sitk.sitkInt16: np.int16,
    sitk.sitkUInt16: np.uint16,
    sitk.sitkInt32: np.int32,
    sitk.sitkUInt32: np.uint32,
    sitk.sitkInt64: np.int64,
    sitk.sitkUInt64: np.uint64,
    sitk.sitkFloat32: np.float32,
    sitk.sitkFloat64: np.float64,
}


@dataclass(frozen=True)
class _Storage:
    """Where and how the voxels lie: `data_path` is the file itself, or one beside it."""

    data_path: Path
    offset: int
    chunks: object
    big_endian: bool


def read_nrrd(path, limits):
    """Read an NRRD file, its data attached or in one file beside it.  Raises InputError."""
    fields, end = _header(path, b'NRRD', ':', lambda line: not line)
    space = fields.get('space', '').lower()
    if _NRRD_SPACES.get(space, space) not in _NRRD_SPACES.values():
        raise InputError(
            f'{path}: its space is {space or "not given"!r}, so left and right are unknown: '
            'export the CT again as left-posterior-superior'
        )
    units = set(fields.get('space units', 'mm').replace('"', ' ').split())
    if units != {'mm'}:
        raise InputError(f'{path}: its space units are {sorted(units)}, expected mm')
    encoding = fields.get('encoding', '').lower()
    if encoding not in _NRRD_CHUNKS:
        raise InputError(f'{path}: encoding {encoding!r} is not read: save it as raw or gzip')
    if any(_whole_number(fields.get(key, '0')) != 0 for key in ('line skip', 'byte skip')):
        raise InputError(f'{path}: line skip and byte skip are not read: save the file again')
    detached = fields.get('data file', fields.get('datafile'))
    data_path = path if detached is None else _beside(path, detached)
    storage = _Storage(
        data_path,
        end if detached is None else 0,
        _NRRD_CHUNKS[encoding],
        fields.get('endian', 'little').lower() == 'big',
    )
    return _read(path, 'NrrdImageIO', storage, limits)


def read_metaimage(path, limits):
    """Read a MetaImage, .mha or .mhd with its data in one file beside it.  Raises InputError."""
    fields, end = _header(path, b'', '=', lambda line: line.startswith('ElementDataFile'))
    if 'NDims' not in fields or 'ElementDataFile' not in fields:
        raise InputError(f'{path}: is not a MetaImage, whatever its name says')
    unit = fields.get('DistanceUnits', 'mm')
    if unit not in ('mm', '?'):
        raise InputError(f'{path}: its DistanceUnits are {unit!r}, expected mm')
    if fields.get('BinaryData', 'True').lower() != 'true' or 'HeaderSize' in fields:
        raise InputError(f'{path}: text data and HeaderSize are not read: save the file again')
    detached = fields['ElementDataFile']
    local = detached.upper() == 'LOCAL'
    big_endian = fields.get('BinaryDataByteOrderMSB', fields.get('ElementByteOrderMSB', 'False'))
    compressed = fields.get('CompressedData', 'False').lower() == 'true'
    storage = _Storage(
        path if local else _beside(path, detached),
        end if local else 0,
        zlib_chunks if compressed else raw_chunks,
        big_endian.lower() == 'true',
    )
    return _read(path, 'MetaImageIO', storage, limits)


def _header(path, magic, separator, is_last):
    """Return the fields of a text header and the byte at which the data begin."""
    with path.open('rb') as file:
        if not file.read(len(magic)) == magic:
            raise InputError(f'{path}: is not what its name says (no {magic.decode()} header)')
        fields = {}
        while file.tell() < _MAX_HEADER_BYTES:
            raw = file.readline(_MAX_HEADER_BYTES)
            line = raw.decode('latin-1').strip()
            key, found, value = line.partition(separator)
            if found and not line.startswith('#'):
                fields.setdefault(key.strip(), value.strip())
            if not raw or is_last(line):
                return fields, file.tell()
    raise InputError(f'{path}: its text header does not end: not NRRD or MetaImage, or damaged')


def _beside(path, name):
    """Return the data file named in a header; it may not lie elsewhere or be a list of files."""
    data_path = path.parent / name
    if Path(name).name != name or not data_path.is_file():
        raise InputError(f'{path}: its data file {name!r} is not one file beside it')
    return data_path


def _whole_number(text):
    """Return the whole number in a header's text, or None."""
    return int(text) if text.lstrip('-').isdigit() else None


def _read(path, image_io, storage, limits):
    files = list(dict.fromkeys([path, storage.data_path]))
    limits.check_files(files, path)
    reader = sitk.ImageFileReader()
    reader.SetImageIO(image_io)
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f'{path}: the header cannot be read ({reason})') from None
    size = reader.GetSize()
    limits.check_size(size, path)
    if reader.GetNumberOfComponents() != 1 or reader.GetPixelID() not in _DTYPES:
        kind = sitk.GetPixelIDValueAsString(reader.GetPixelID())
        raise InputError(f'{path}: voxels of type {kind} are no CT: save it as int16')
    ct_from_index = np.eye(4)
    ct_from_index[:3, :3] = np.reshape(reader.GetDirection(), (3, 3)) * reader.GetSpacing()
    ct_from_index[:3, 3] = reader.GetOrigin()
    ct_from_index[:3] *= 1e-3
    checked_affine(ct_from_index, path)
    dtype = np.dtype(_DTYPES[reader.GetPixelID()])
    # ITK leaves memory uninitialised where a packed MetaImage holds less than announced, hence
    # the voxels are read by the same code as those of NIfTI.
    with storage.data_path.open('rb') as file:
        file.seek(storage.offset)
        stored = read_voxels(
            storage.chunks(file),
            size,
            dtype.newbyteorder('>' if storage.big_endian else '<'),
            storage.data_path.stat().st_size,
            path,
        )
    return VoxelGrid(rescaled(stored, 1, 0, path), ct_from_index, sha256_of(files))
