"""Where an X-ray ends at the limits of its detector: too dark, or burnt out, to show anything."""

import numpy as np

# Fewer pixels at a limit are what any image's extremes are.
_MIN_SHARE, _MIN_PIXELS = 0.005, 16


def too_dark(image):
    """Return the plateau [H, W] bool of line integrals [H, W] at their highest: no photon came."""
    return _plateau(image, image.max())


def burnt_out(image):
    """Return the plateau [H, W] bool at their lowest: saturated, or air where that is exact."""
    return _plateau(image, image.min())


def _plateau(image, limit):
    found = image == limit
    # A blank image is no plateau in anything.
    if found.all() or found.sum() < max(_MIN_SHARE * found.size, _MIN_PIXELS):
        return np.zeros(image.shape, bool)
    return found
