"""A tracking session on disk: the fitted model and its points, to go on with later."""

from dataclasses import dataclass

import numpy as np

from surg_invnerf.export import write_npz
from surg_invnerf.model.tissue import TissueModel
from surg_invnerf.npz_file import read_npz
from surgical_perception.errors import InputError

_FORMAT = 1
_MODEL = 'model/'
# name -> (kind of number, axes)
_ARRAYS = {
    'format': ('iu', 0),
    'next_id': ('iu', 0),
    'ids': ('iu', 1),
    'canonical': ('f', 2),
    'sigma_m': ('f', 1),
}


@dataclass(frozen=True)
class Session:
    """
    What `save` wrote.

    model       TissueModel, with its camera, frames and poses
    canonical   [N, 3] float32 canonical points
    sigma_m     [N] float32 standard deviation of their depth where they were picked
    ids         [N] int64, unique
    next_id     greater than every id that was ever given: new points start there
    """

    model: TissueModel
    canonical: np.ndarray
    sigma_m: np.ndarray
    ids: np.ndarray
    next_id: int


def save(path, model, canonical, sigma_m, ids, next_id):
    """
    Write a session as .npz; the fields are those of Session.

    Raises InputError for ids that are not unique or not below next_id, or a path that cannot be
    written.
    """
    arrays = {
        'format': np.array(_FORMAT),
        'next_id': np.array(next_id, np.int64),
        'ids': np.asarray(ids, np.int64),
        'canonical': np.asarray(canonical, np.float32),
        'sigma_m': np.asarray(sigma_m, np.float32),
    }
    _check_points(path, arrays)
    write_npz(path, arrays | {_MODEL + name: array for name, array in model.to_arrays().items()})


def load(path):
    """
    Read a Session; nothing in the file is executed, and it is believed only where it is whole.

    Raises InputError, naming the file, for one that is none, cut off, or contradicts itself.
    """
    arrays = read_npz(path)
    for name, (kinds, axes) in _ARRAYS.items():
        array = arrays.get(name)
        if array is None or array.dtype.kind not in kinds or array.ndim != axes:
            raise InputError(f'{path}: is no saved session: {name} is missing or of another type')
    if arrays['format'] != _FORMAT:
        raise InputError(
            f'{path}: has the format {arrays["format"]}, this version reads {_FORMAT}'
        )
    for name, array in arrays.items():
        if array.dtype.kind == 'f' and not np.isfinite(array).all():
            raise InputError(f'{path}: {name} holds NaN or infinity: the fit had diverged')
    _check_points(path, arrays)
    try:
        model = TissueModel.from_arrays(
            {
                name.removeprefix(_MODEL): array
                for name, array in arrays.items()
                if name.startswith(_MODEL)
            }
        )
    except InputError as error:
        raise InputError(f'{path}: {error}') from None
    return Session(
        model,
        arrays['canonical'].astype(np.float32),
        arrays['sigma_m'].astype(np.float32),
        arrays['ids'].astype(np.int64),
        int(arrays['next_id']),
    )


def _check_points(path, arrays):
    """Raise InputError where points and ids contradict each other."""
    ids, next_id = arrays['ids'], int(arrays['next_id'])
    if arrays['canonical'].shape != (len(ids), 3) or arrays['sigma_m'].shape != (len(ids),):
        raise InputError(
            f'{path}: {len(ids)} ids, but canonical points of shape '
            f'{list(arrays["canonical"].shape)} and sigmas of {list(arrays["sigma_m"].shape)}'
        )
    if (arrays['sigma_m'] < 0).any():
        raise InputError(f'{path}: sigma_m holds a negative standard deviation')
    if len(np.unique(ids)) != len(ids):
        raise InputError(f'{path}: an id is used twice')
    if len(ids) and not 0 <= ids.min() <= ids.max() < next_id:
        raise InputError(
            f'{path}: the ids go from {ids.min()} to {ids.max()}, expected 0 to less than the '
            f'next one, {next_id}'
        )
