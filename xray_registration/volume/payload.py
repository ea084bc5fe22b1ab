"""Voxels out of a byte stream: never more than the header announced, never fewer."""

import math
import zlib
from gzip import GzipFile

import numpy as np

from surgical_perception.errors import InputError

_CHUNK_BYTES = 1 << 20

# Deflate packs at most 1032 to 1; a header that announces more than that lies, and is caught
# before memory is taken for it.
_MAX_DEFLATE_RATIO = 1032

# What zlib and gzip raise on damaged data.
DAMAGED = (EOFError, OSError, zlib.error)


def raw_chunks(file):
    """Yield the rest of a binary file."""
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def gzip_chunks(file):
    """Yield the rest of a binary file, unpacked by gzip."""
    yield from raw_chunks(GzipFile(fileobj=file))


def zlib_chunks(file):
    """Yield the rest of a binary file, unpacked by zlib."""
    unpack = zlib.decompressobj()
    # Small reads, since each may unpack to a thousand times its size.
    while packed := file.read(1 << 14):
        yield unpack.decompress(packed)
    if not unpack.eof:
        raise EOFError('the packed data end early')


def read_voxels(chunks, size, dtype, stored_bytes, name):
    """
    Fill an array [Z, Y, X] from an iterable of byte chunks.

    `size` is (x, y, z), `stored_bytes` what the file holds on disk.  Raises InputError where the
    stream is damaged, or holds fewer or more bytes than the header announced.
    """
    announced = math.prod(size) * np.dtype(dtype).itemsize
    most = _MAX_DEFLATE_RATIO * stored_bytes
    if announced > most:
        raise InputError(_mismatch(name, announced, f'at most {most}'))
    values = np.empty(size[::-1], dtype)
    target = memoryview(values.reshape(-1).view(np.uint8))
    filled = 0
    try:
        for chunk in chunks:
            if filled + len(chunk) > announced:
                raise InputError(_mismatch(name, announced, 'more'))
            target[filled : filled + len(chunk)] = chunk
            filled += len(chunk)
    except DAMAGED as error:
        raise InputError(f'{name}: the packed data are damaged ({error}): copy it again') from None
    if filled < announced:
        raise InputError(_mismatch(name, announced, f'only {filled}'))
    return values


def _mismatch(name, announced, found):
    return (
        f'{name}: the header announces {announced} bytes of voxels but there are {found}: '
        'the file is truncated or damaged, copy it again'
    )
