"""How far a disparity may be from the truth, from what the images say about it."""

import cv2
import numpy as np

from surg_invnerf.correspondence.dense import pixel_grid

# Standard deviation of the window (pixels) in which texture and residual are compared.
_WINDOW_PX = 5.0
# The sum over the squared weights of that window: by how much it averages noise.
_AVERAGING = 1 / (4 * np.pi * _WINDOW_PX**2)
# Grey levels are whole numbers in both images: their difference has this variance at least.
_ROUNDING = 2 / 12
# A slope of a tenth of a grey level per pixel: below, a window shows nothing.
_LEAST_TEXTURE = 0.01
_DERIVATIVE = np.array([[-0.5, 0, 0.5]], np.float32)
# Disparity that bends between these two scales (pixels): at edges and ridges flow is too smooth.
_BEND_PX = (2.0, 6.0)
# Shares of each sign of error in the standard deviation: the most likely ones for the errors on
# synthetic scenes that no benchmark uses, with a Student distribution of 6 degrees.
_NOISE, _STEP, _ROWS, _BEND = 1.0, 0.7, 0.47, 2.0


def sigma_px(left, right, disparity, rows):
    """
    Return the standard deviation [H, W] float32 (pixels) of a disparity [H, W].

    left, right     [H, W] uint8, grey
    rows            [H, W], how far the match lies off its row: what it errs across, it may err
                    along

    The others are the texture, the step that a least-squares fit in a window would still take
    (Lucas and Kanade 1981), and the bending of the surface.
    """
    noise, step = _least_squares(left.astype(np.float32), right.astype(np.float32), disparity)
    fine, coarse = (cv2.GaussianBlur(disparity, (0, 0), scale) for scale in _BEND_PX)
    variance = (
        np.square(_NOISE * noise)
        + np.square(_STEP * step)
        + np.square(_ROWS * rows)
        + np.square(_BEND * (fine - coarse))
    )
    return np.sqrt(variance)


def _least_squares(left, right, disparity):
    """Return (standard deviation, value) [H, W] of a Lucas-Kanade step along the row."""
    grid = pixel_grid(*left.shape)
    warped = cv2.remap(
        right,
        grid[..., 0] - disparity,
        grid[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    slope = cv2.filter2D((left + warped) / 2, -1, _DERIVATIVE)
    residual = warped - left
    # Without the means: gain and offset between the eyes do not count.
    slope_mean, residual_mean = _window(slope), _window(residual)
    scatter = _window(residual * residual) - np.square(residual_mean) + _ROUNDING
    texture = np.maximum(_window(slope * slope) - np.square(slope_mean), _LEAST_TEXTURE)
    step = (_window(slope * residual) - slope_mean * residual_mean) / texture
    return np.sqrt(_AVERAGING * scatter / texture), step


def _window(image):
    return cv2.GaussianBlur(image, (0, 0), _WINDOW_PX)
