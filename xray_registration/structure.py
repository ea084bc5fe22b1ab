"""Does an X-ray show anything at all?  Asked before the search: a blank frame costs no time."""

import cv2
import numpy as np

from xray_registration.pyramid import bin_factor, binned_view

# Bones and organs are structure at this size, and pixel noise is averaged away by the binning.
_IMAGE_SIZE = 64

# What is wider than this, in binned pixels, is no structure: the fall-off of the beam from anode
# to cathode and through a water phantom would match any smooth projection.
_SMOOTH_PX = 3.0
_RADIUS_PX = 6  # where the Gaussian is cut off

# A smooth image without noise leaves this share of its mean square, which is rounding.
_MIN_SHARE = 1e-9

# A masked wire or bar is no border: what is as narrow leaves pixels on both its sides.
_GAP = np.ones((7, 7), np.uint8)

# Fewer binned pixels than this show nothing that could be told from chance.
_MIN_PIXELS = 100


def structure(view):
    """
    Return how far neighbouring pixels of a View agree about what is finer than a smooth field.

    It is the correlation, in [-1, 1], of the high-passed image with itself one pixel on, at 64
    pixels a side: 0 for noise of any strength, about 0.7 for anatomy; 0 also for a constant image
    and where a mask leaves less than a tenth of the width on every side.
    """
    image, mask, _ = binned_view(view, bin_factor(view.camera, _IMAGE_SIZE))
    weight = mask.astype(np.float32)
    smooth = _blurred(image * weight) / np.maximum(_blurred(weight), 1e-6)
    # Near the border a slope looks like structure, because the mean there is one-sided.
    kernel = np.ones((2 * _RADIUS_PX + 1,) * 2, np.uint8)
    whole = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, _GAP)
    inside = cv2.erode(whole, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    inner = inside & mask
    if inner.sum() < _MIN_PIXELS:
        return 0.0
    fine = image - smooth
    fine -= fine[inner].mean()
    variance = float(np.square(fine[inner], dtype=np.float64).mean())
    if variance <= _MIN_SHARE * float(np.square(image[mask], dtype=np.float64).mean()):
        return 0.0
    pairs = [
        (fine[1:] * fine[:-1])[inner[1:] & inner[:-1]],
        (fine[:, 1:] * fine[:, :-1])[inner[:, 1:] & inner[:, :-1]],
    ]
    return float(np.concatenate(pairs).mean(dtype=np.float64)) / variance


def _blurred(image):
    size = (2 * _RADIUS_PX + 1,) * 2
    return cv2.GaussianBlur(image, size, _SMOOTH_PX, borderType=cv2.BORDER_CONSTANT)
