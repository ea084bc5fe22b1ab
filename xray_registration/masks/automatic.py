"""The mask of an X-ray for which nobody gave one."""

import dataclasses
from typing import NamedTuple

import cv2
import numpy as np

from xray_registration.masks.clipping import burnt_out, too_dark
from xray_registration.masks.collimator import Collimator, find_collimator
from xray_registration.masks.outliers import find_outliers

# Longer image sides at which the collimator and metal are looked for.
_COLLIMATOR_SIZE, _METAL_SIZE = 256, 512
# Beside the collimator's blurred edge, this share of the longer side is left out: it is fitted,
# not traced.
_COLLIMATOR_MARGIN = 2.0 / 256

# Thresholds are in line integrals.  The range (between these percentiles) of an image that holds
# such lies between these limits; display values do not, and are brought to a usual one.
_PERCENTILES, _NATURAL, _USUAL_RANGE = (2, 98), (0.3, 9.0), 2.5

# More metal than this share of what is open is a mistake: another kind of image, or of scale.
_MAX_METAL = 0.4


class Found(NamedTuple):
    """
    What an X-ray shows besides the patient.

    mask        [H, W] bool, True where the image may be used
    collimator  Collimator in pixels of the image, false where there is none
    outliers    [H, W] bool, metal and instruments within what is open
    share       of the image that may be used
    text        all that in words
    """

    mask: np.ndarray
    collimator: Collimator
    outliers: np.ndarray
    share: float
    text: str


def automatic_mask(view, config):
    """Return what is Found in a View's image by a MaskConfig; a mask of the View is not asked."""
    image = _line_integrals(view.image)
    shape = image.shape
    collimator, is_open = Collimator(), np.ones(shape, bool)
    if config.collimator:
        small, factor = _binned(image, _COLLIMATOR_SIZE)
        collimator = find_collimator(small).scaled(factor)
        is_open = _open(collimator, shape)
    outliers, doubt = np.zeros(shape, bool), ''
    if config.metal:
        small, factor = _binned(image, _METAL_SIZE)
        open_small = _open(collimator.scaled(1 / factor), small.shape)
        outliers = _enlarged(find_outliers(small, open_small), factor, shape) & is_open
        if outliers.sum() > _MAX_METAL * is_open.sum():
            doubt = f', metal not masked (it would be {outliers.mean():.0%})'
            outliers[:] = False
    clipped = too_dark(image) & is_open
    if config.burnt_out:
        clipped |= burnt_out(image) & is_open
    mask = is_open & ~outliers & ~clipped
    text = f'collimator {collimator}, metal {outliers.mean():.1%}{doubt}'
    if clipped.any():
        text += f', clipped {clipped.mean():.1%}'
    return Found(mask, collimator, outliers, float(mask.mean()), text)


def with_masks(views, config):
    """
    Give every View without a mask the automatic one, if the MaskConfig asks for that.

    Returns (Views, what is left out of each in words: 'given', 'none', or Found's text).
    """
    masked, texts = [], []
    for view in views:
        text = 'none' if view.mask is None else 'given'
        if view.mask is None and config.automatic:
            found = automatic_mask(view, config)
            view, text = dataclasses.replace(view, mask=found.mask), found.text
        masked.append(view)
        texts.append(text)
    return masked, texts


def _open(collimator, shape):
    return collimator.is_open(shape, collimator.rim_px + _COLLIMATOR_MARGIN * max(shape))


def _line_integrals(image):
    """Return an image [H, W] in the scale of line integrals, whatever that of a display was."""
    image = np.asarray(image, np.float32)
    low, high = np.percentile(image[::2, ::2], _PERCENTILES)
    if _NATURAL[0] <= high - low <= _NATURAL[1] or high == low:
        return image
    return image * np.float32(_USUAL_RANGE / (high - low))


def _binned(image, size):
    """Return block means [h, w] of an image, its longer side nearest to `size`, and the factor."""
    factor = max(1, round(max(image.shape) / size))
    height, width = (side // factor for side in image.shape)
    blocks = image[: height * factor, : width * factor]
    return cv2.resize(blocks, (width, height), interpolation=cv2.INTER_AREA), factor


def _enlarged(mask, factor, shape):
    """Return a mask [h, w] bool in the image [H, W] that was binned by a factor."""
    large = mask.repeat(factor, 0).repeat(factor, 1)
    missing = [(0, full - side) for full, side in zip(shape, large.shape, strict=True)]
    return np.pad(large, missing, mode='edge')
