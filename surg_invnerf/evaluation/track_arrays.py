"""Tracks in an .npz, from whichever tracker or annotator."""

import numpy as np

from surg_invnerf.npz_file import read_npz
from surgical_perception.errors import InputError

# Array -> shape per point and frame.
SHAPES = {'uv': (2,), 'visible': (), 'xyz_m': (3,), 'cov_m2': (3, 3)}


def read_track_arrays(path, frames, needed=('uv', 'visible')):
    """
    Return {name: float64 array} of an .npz of N tracks over a number of frames.

    uv [N, T, 2], visible [N, T] (as bool), and where there are: xyz_m [N, T, 3], cov_m2
    [N, T, 3, 3], queries [N, 3].  Raises InputError, naming the file, where a needed one is
    missing, one is not made of numbers, or the shapes do not fit each other or the clip.
    """
    arrays = read_npz(path)
    if missing := [name for name in needed if name not in arrays]:
        raise InputError(f'{path}: has no array {", ".join(missing)}')
    kept = {name: arrays[name] for name in (*SHAPES, 'queries') if name in arrays}
    count = kept['uv'].shape[0] if kept['uv'].ndim else 0
    for name, array in kept.items():
        if array.dtype.kind not in 'biuf':
            raise InputError(f'{path}: {name} holds {array.dtype}, expected numbers')
        expected = (count, 3) if name == 'queries' else (count, frames, *SHAPES[name])
        if array.shape != expected or not count:
            raise InputError(
                f'{path}: {name} has the shape {array.shape}, expected {expected} for a clip of '
                f'{frames} frames'
            )
    found = {name: np.asarray(array, float) for name, array in kept.items()}
    return found | {'visible': kept['visible'] != 0}
