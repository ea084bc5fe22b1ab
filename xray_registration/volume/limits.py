"""Limits on what a file may claim, checked before memory is taken."""

import hashlib
import math
from dataclasses import dataclass

from surgical_perception.errors import InputError

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Limits:
    """
    The largest CT that is read.

    max_bytes    of all files together, as they lie on the disk
    max_voxels   of the grid: 2^29 is 512 x 512 x 2048, or 1 GiB of int16
    """

    max_bytes: int = 2**31
    max_voxels: int = 2**29

    def check_files(self, paths, name):
        """Raise InputError where one of the files is empty, or all are larger than allowed."""
        sizes = {path: path.stat().st_size for path in paths}
        for path, size in sizes.items():
            if size == 0:
                raise InputError(f'{path}: the file is empty: copy it again')
        if sum(sizes.values()) > self.max_bytes:
            raise InputError(
                f'{name}: {sum(sizes.values())} bytes are more than the limit of '
                f'{self.max_bytes}: crop or resample the CT, or raise the limit'
            )

    def check_size(self, size, name):
        """Raise InputError unless `size` is that of a volume [x, y, z] within the limit."""
        text = ' x '.join(str(n) for n in size)
        if len(size) != 3:
            raise InputError(f'{name}: the image has {len(size)} axes ({text}), expected 3')
        if min(size) < 2:
            raise InputError(f'{name}: {text} voxels are no volume: give all slices of the CT')
        if math.prod(size) > self.max_voxels:
            raise InputError(
                f'{name}: {text} voxels are more than the limit of {self.max_voxels}: '
                'crop or resample the CT, or raise the limit'
            )


def sha256_of(paths):
    """Return the hex digest of the bytes of all files in order."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open('rb') as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()
