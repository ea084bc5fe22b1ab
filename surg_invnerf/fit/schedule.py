"""How the learning rate runs over a fit."""

import math

_WARM_UP = 0.1
_FIRST, _LAST = 0.04, 0.01


def one_cycle(progress):
    """Return the factor on the peak rate at a progress in [0, 1] (Smith and Topin 2019)."""
    if progress < _WARM_UP:
        low, high, part = _FIRST, 1.0, progress / _WARM_UP
    else:
        low, high, part = 1.0, _LAST, min((progress - _WARM_UP) / (1 - _WARM_UP), 1.0)
    return low + (high - low) * (1 - math.cos(math.pi * part)) / 2
