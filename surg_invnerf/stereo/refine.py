"""One Lucas-Kanade step along the row: what flow smooths away, and how well a pixel can know."""

import cv2
import numpy as np

from surg_invnerf.stereo.flow import pixel_grid

# Standard deviation of the window (pixels).  On synthetic tissue half of it doubles the noise and
# twice of it rounds edges off; a second step amplifies noise too.
_WINDOW_PX = 5.0
# The sum over the squared weights of that window: by how much it averages noise.
_AVERAGING = 1 / (4 * np.pi * _WINDOW_PX**2)
# Brightness steps of an 8-bit image are uncertain by this variance even without noise.
_ROUNDING = 2 / 12
# Flow is right within this; a longer step means that the window sees two surfaces.
_LONGEST_STEP_PX = 0.5
_DERIVATIVE = np.array([[-0.5, 0, 0.5]], np.float32)


def refine(left, right, disparity):
    """
    Return (disparity, sigma_px), both [H, W] float32, after one step from `disparity` [H, W].

    Gain and offset between the eyes do not count: what varies slower than the window is removed.
    `sigma_px` is the step's own standard deviation by least squares: the residual over the
    texture along the row.  Source: Lucas and Kanade 1981; its variance is that of a linear fit.
    """
    left, right = left.astype(np.float32), right.astype(np.float32)
    u, v = pixel_grid(left.shape[1], left.shape[0])
    warped = cv2.remap(right, u - disparity, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    slope = cv2.filter2D((left + warped) / 2, -1, _DERIVATIVE)
    residual = warped - left
    slope_mean, residual_mean = _window(slope), _window(residual)
    texture = _window(slope * slope) - slope_mean**2 + _ROUNDING
    step = (_window(slope * residual) - slope_mean * residual_mean) / texture
    variance = _window(residual * residual) - residual_mean**2 + _ROUNDING
    sigma = np.sqrt(_AVERAGING * variance / texture)
    return disparity + np.clip(step, -_LONGEST_STEP_PX, _LONGEST_STEP_PX), sigma


def _window(image):
    return cv2.GaussianBlur(image, (0, 0), _WINDOW_PX)
