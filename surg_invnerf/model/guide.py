"""How far around the stereo depth a ray is searched."""

import numpy as np

_MIN_BAND_M = 3e-3
# Where stereo saw nothing the filled depth is a guess from the neighbourhood.
FILLED_BAND_M = 8e-3


def band_m(sigma_m):
    """Return half bands [N] (m) for standard deviations [N] of stereo depth; inf: filled."""
    return np.minimum(np.maximum(_MIN_BAND_M, 3 * np.asarray(sigma_m)), FILLED_BAND_M)
