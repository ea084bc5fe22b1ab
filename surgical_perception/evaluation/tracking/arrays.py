"""What the metrics accept: shapes that fit, and truth that is known wherever it is used."""

import numpy as np

from surgical_perception.errors import InputError


def points(values, what, dimensions=(2, 3)):
    """Return `values` as float64 [..., D]; raises InputError where D is none of `dimensions`."""
    try:
        values = np.asarray(values, float)
    except (TypeError, ValueError):
        raise InputError(f'{what} are not an array of numbers') from None
    if values.ndim < 2 or values.shape[-1] not in dimensions:
        wanted = ' or '.join(map(str, dimensions))
        raise InputError(
            f'{what} have the shape {values.shape}, expected [..., {wanted}] coordinates'
        )
    return values


def flags(values, shape, what):
    """Return `values` as bool of `shape`; None stands for true everywhere."""
    if values is None:
        return np.ones(shape, bool)
    values = np.asarray(values)
    if values.shape != shape:
        raise InputError(f'{what} has the shape {values.shape}, expected {shape}')
    if values.dtype != bool and not np.isin(values, (0, 1)).all():
        raise InputError(f'{what} holds other values than true and false')
    return values.astype(bool)


def thresholds(values):
    """Return `values` as a float64 array; raises InputError unless positive and rising."""
    values = np.atleast_1d(np.asarray(values, float))
    if (
        values.ndim != 1
        or not values.size
        or not (values > 0).all()
        or (np.diff(values) <= 0).any()
    ):
        raise InputError(f'thresholds are {values.tolist()}, expected positive and rising numbers')
    return values


def require_some(chosen, what):
    """Raise InputError where no point is left to judge: a share of nothing has no value."""
    if not np.any(chosen):
        raise InputError(f'{what}: no point is left to evaluate')
