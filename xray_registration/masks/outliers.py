"""
Metal and instruments: narrow, sharp-edged, and denser than anything that grows.

A white top-hat (the image minus its morphological opening) at several widths leaves what is
narrower and stands out; bone does too, but less, and its edges are softer.  Regions grow from
where both contrast and edge are beyond anatomy.  Metal that is wider than the widest top-hat is
found along its edges only.
"""

import cv2
import numpy as np

# Widths of the top-hats (shares of the longer side) and the contrast, in line integrals, that
# metal of that width exceeds.  On tuning X-rays of chest, pelvis and a real wrist 99.9 % of clean
# pixels stay below 0.21, 0.44 and 0.65; wires reach 0.4, plates and bars 0.9.
_WIDTHS = ((0.02, 0.25), (0.043, 0.5), (0.1, 0.8))
# A region reaches down to this share of its seed's contrast: the blurred rim of a bar.
_RIM = 0.5
# Gradients per 1/256 of the longer side: a seed has the higher one beside it, and so much of a
# region's outline the lower one.  Clean X-rays stay below 0.24 in 99.9 % of their pixels.
_SEED_GRADIENT, _OUTLINE_GRADIENT, _MIN_OUTLINE = 0.22, 0.16, 0.6
# What stands out little has a fainter outline: this share of its contrast, down to a least one.
_OUTLINE_SHARE, _LEAST_GRADIENT = 0.3, 0.08
_SMOOTHING = 0.6 / 256
# Blur carries metal a little farther than where it stands out.
_MARGIN = 2.0 / 256


def find_outliers(image, is_open):
    """
    Return where metal is [H, W] bool in line integrals [H, W] float32, within what is open.

    is_open     [H, W] bool; beyond it nothing is compared, so its edge is no edge
    """
    unit = max(image.shape) / 256
    smooth = cv2.GaussianBlur(image, (0, 0), 256 * _SMOOTHING * unit)
    hats = [_top_hat(smooth, is_open, share * 256 * unit) for share, _ in _WIDTHS]
    contrast = np.max([hat / least for hat, (_, least) in zip(hats, _WIDTHS, strict=True)], axis=0)
    gradient = _gradient(smooth) * unit
    gradient[~_eroded(is_open, 2 * unit)] = 0
    regions = (contrast > _RIM) & is_open
    seeds = (contrast > 1) & (_dilated_values(gradient, unit) > _SEED_GRADIENT)
    outline_gradient = np.clip(
        _OUTLINE_SHARE * _dilated_values(hats[-1], 2 * unit), _LEAST_GRADIENT, _OUTLINE_GRADIENT
    )
    metal = _grown(regions, seeds, _dilated_values(gradient, 1) > outline_gradient)
    return _dilated(metal, 256 * _MARGIN * unit) & is_open


def _top_hat(image, is_open, width):
    """Return what is brighter and narrower than a width in pixels, blind to what is closed."""
    kernel = np.ones((2 * round(width / 2) + 1,) * 2, np.uint8)
    far = np.float32(1e6)
    low = cv2.erode(np.where(is_open, image, far), kernel, borderValue=float(far))
    opened = cv2.dilate(np.where(is_open, low, -far), kernel, borderValue=-float(far))
    return np.where(is_open, image - opened, 0)


def _gradient(image):
    dx = cv2.Scharr(image, cv2.CV_32F, 1, 0, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
    dy = cv2.Scharr(image, cv2.CV_32F, 0, 1, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
    return cv2.magnitude(dx, dy)


def _grown(regions, seeds, sharp):
    """Return the connected regions that hold a seed and whose outline is sharp."""
    count, label = cv2.connectedComponents(regions.astype(np.uint8), connectivity=8)
    outline = regions & ~_eroded(regions, 1)
    length = np.bincount(label[outline], minlength=count)
    sharp_length = np.bincount(label[outline & sharp], minlength=count)
    chosen = np.bincount(label[seeds & regions], minlength=count) > 0
    chosen &= sharp_length >= _MIN_OUTLINE * length
    chosen[0] = False
    return chosen[label]


def _disc(radius):
    size = 2 * max(round(radius), 1) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))


def _dilated(mask, radius):
    return cv2.dilate(mask.astype(np.uint8), _disc(radius)) > 0


def _eroded(mask, radius):
    return cv2.erode(mask.astype(np.uint8), _disc(radius), borderValue=1) > 0


def _dilated_values(image, radius):
    return cv2.dilate(image, _disc(radius))
