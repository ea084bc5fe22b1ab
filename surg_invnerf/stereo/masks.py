"""Pixels of the left eye that show no tissue to be trusted."""

import cv2
import numpy as np

from surg_invnerf.correspondence.dense import pixel_grid

# A highlight is bright and colourless; its rim is blurred into the tissue around it.
_HIGHLIGHT_VALUE, _HIGHLIGHT_SATURATION = 0.95, 0.2
_RIM_PX, _RIM_AT_WIDTH = 5, 640
_WINDOW_PX = 14
# Below, an 8-bit image is noise: the black surround of an endoscope, or the inside of a vessel.
_UNLIT_VALUE = 0.05


def specular(image):
    """Return [H, W] bool: highlights of an RGB image [H, W, 3] uint8, with their rims."""
    brightest, darkest = extremes(image)
    bright = brightest > 255 * _HIGHLIGHT_VALUE
    colourless = brightest - darkest < _HIGHLIGHT_SATURATION * brightest
    return dilated(bright & colourless)


def unlit(image):
    """Return [H, W] bool: pixels of an RGB image [H, W, 3] uint8 with no light to see by."""
    return extremes(image)[0] < 255 * _UNLIT_VALUE


def extremes(image):
    """Return the brightest and the darkest channel, [H, W] uint8 each, of [H, W, 3] uint8."""
    red, green, blue = cv2.split(image)  # a tenth of the time of NumPy's max over an axis of 3
    return cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)


def beside(tool):
    """
    Return [H, W] bool: pixels beside an instrument [H, W].

    Stereo and flow match windows, and give them the depth and the motion of the instrument.
    """
    return dilated(tool, _WINDOW_PX) & ~tool


def dilated(mask, grow_px=_RIM_PX):
    """Return a mask [H, W] bool grown by 5 pixels at 640 columns, in proportion at others."""
    radius = max(1, round(grow_px * mask.shape[1] / _RIM_AT_WIDTH))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(mask.astype(np.uint8), disc) > 0


def seen_by_both(camera, depth_m):
    """Return [H, W] bool: left pixels whose point at depth_m [H, W] lies in the right image."""
    height, width = depth_m.shape
    match = pixel_grid(height, width)[..., 0] - camera.disparity_from_depth(depth_m)
    return (match >= 0) & (match <= width - 1)
