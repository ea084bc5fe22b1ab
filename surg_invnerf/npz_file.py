"""NPZ files from anywhere, read without trusting what they announce."""

import zipfile
import zlib
from math import prod

import numpy as np

from surgical_perception.errors import InputError

# Saved models have tens of megabytes; a file that unpacks to more than this is none.
_MAX_BYTES = 2**32
# Deflate packs at most 1032 to 1: a member that announces more lies.
_MAX_RATIO = 1032
# What NumPy and zipfile raise on files that are none, cut off or forged.
_DAMAGED = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    SyntaxError,
    NotImplementedError,
    MemoryError,
    RecursionError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npz(path):
    """
    Return {name: array} of an .npz; never unpickles.

    Raises InputError, naming the file, where it is none, is cut off, or announces arrays that
    its bytes cannot hold.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if total > _MAX_BYTES:
                raise ValueError(f'it unpacks to {total} bytes, more than {_MAX_BYTES}')
            return dict(_array(archive, member) for member in members)
    except _DAMAGED as error:
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise InputError(f'{path}: cannot be read as .npz: {reason}') from None


def _array(archive, member):
    """Return (name, array) of a member; memory is taken only for bytes that can be there."""
    if member.file_size > _MAX_RATIO * max(member.compress_size, 1):
        raise ValueError(f'{member.filename} announces {member.file_size} bytes, it has fewer')
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise ValueError(f'{member.filename} has the array format {version}')
        shape, fortran, dtype = _HEADERS[version](stream)
        if dtype.hasobject:
            raise ValueError(f'{member.filename} holds pickled objects, which are not read')
        announced = prod(shape) * dtype.itemsize
        if announced != member.file_size - stream.tell() or min(shape, default=0) < 0:
            raise ValueError(f'{member.filename} is not as long as its shape {list(shape)} says')
        data = stream.read()  # to the end, where zipfile compares the checksum
    if len(data) != announced:
        raise EOFError(f'{member.filename} ends early')
    array = np.ndarray(shape, dtype, data, order='F' if fortran else 'C')
    return member.filename.removesuffix('.npy'), array.copy()
