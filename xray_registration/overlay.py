"""The picture that tells whether a registration fits: DRR edges drawn on the X-ray."""

import cv2
import numpy as np

from surgical_perception.errors import InputError

# Smaller pictures hide the millimetre that one looks for.
_MIN_SIDE_PX = 512

# Percentiles of the X-ray that become black and white: a few burnt pixels must not grey the rest.
_WINDOW = (1.0, 99.0)

# Blur before the gradient, as a share of the longer side: edges of bone, not of noise.
_SMOOTHING = 0.004

# Canny's thresholds as percentiles of the gradient where the DRR changes at all (by this share of
# its steepest edge): independent of gain, offset and of how much of the DRR is air.
_WEAK_EDGE, _STRONG_EDGE = 80.0, 93.0
_CHANGE = 0.02

# Shorter contours (as a share of the longer side) are texture and only hide the X-ray.
_MIN_CONTOUR = 0.04

_EDGE_RGB = (255, 200, 0)
_OUTSIDE_MASK = 0.4  # brightness of pixels that the registration did not use


def overlay(xray, drr, mask=None):
    """
    Draw the edges of a DRR as coloured contours on the grey X-ray.

    xray, drr   [H, W] float32 line integrals of the same camera, at any gain and offset
    mask        [H, W] bool; pixels outside it are darkened and carry no contour

    Returns RGB [k H, k W, 3] uint8, where the whole number k makes the longer side at least 512.
    Raises InputError where the shapes differ.
    """
    shapes = {image.shape for image in (xray, drr, mask) if image is not None}
    if len(shapes) > 1 or xray.ndim != 2:
        raise InputError(f'X-ray, DRR and mask have different shapes: {sorted(shapes)}')
    height, width = xray.shape
    scale = -(-_MIN_SIDE_PX // max(height, width))
    size = (width * scale, height * scale)
    grey = cv2.resize(_windowed(xray), size, interpolation=cv2.INTER_CUBIC)
    edges = _edges(cv2.resize(np.asarray(drr, np.float32), size, interpolation=cv2.INTER_LINEAR))
    if mask is not None:
        inside = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        grey = np.where(inside, grey, grey * _OUTSIDE_MASK)
        edges &= inside
    picture = np.repeat(np.rint(np.clip(grey, 0, 255)).astype(np.uint8)[..., None], 3, -1)
    picture[edges] = _EDGE_RGB
    return picture


def _windowed(image):
    """Return the image [H, W] float32 between 0 and 255."""
    low, high = np.percentile(image, _WINDOW)
    window = max(float(high - low), np.finfo(np.float32).tiny)
    return np.clip((np.asarray(image, np.float32) - low) / window, 0, 1) * np.float32(255)


def _edges(image):
    """Return where the long edges of an image [H, W] run, as bool [H, W]."""
    longer = max(image.shape)
    smooth = cv2.GaussianBlur(image, (0, 0), _SMOOTHING * longer)
    dx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0)
    dy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    magnitude = np.hypot(dx, dy)
    peak = float(magnitude.max())
    if peak == 0:
        return np.zeros(image.shape, bool)
    # cv2.Canny takes 16-bit gradients; the largest becomes 2^14 whatever the image's unit.
    to_int16 = 2**14 / peak
    changing = magnitude[magnitude > _CHANGE * peak]
    weak, strong = np.percentile(changing, (_WEAK_EDGE, _STRONG_EDGE)) * to_int16
    edges = cv2.Canny(
        np.rint(dx * to_int16).astype(np.int16),
        np.rint(dy * to_int16).astype(np.int16),
        weak,
        strong,
        L2gradient=True,
    )
    _, component, stats, _ = cv2.connectedComponentsWithStats(edges, connectivity=8)
    long_enough = stats[:, cv2.CC_STAT_AREA] >= _MIN_CONTOUR * longer
    return (edges > 0) & long_enough[component]
