"""What optics and sensor make of light: blur, noise, gamma, 8 bits."""

import cv2
import numpy as np

_GAMMA = 1 / 2.2
# In linear units where 1 saturates: variance of shot noise per signal, and read-out noise.
_SHOT, _READ = 4.0e-4, 0.005
_BLUR_PX = 0.55  # standard deviation


def expose(radiance, noise, rng):
    """Return the image [H, W, 3] uint8 of linear radiance; `noise` scales the sensor's."""
    # Light beyond saturation spreads only a little: a highlight keeps its edge.
    image = np.minimum(radiance, 2).astype(np.float32)
    image = cv2.GaussianBlur(image, (0, 0), _BLUR_PX)
    sigma = noise * np.sqrt(_READ**2 + _SHOT * np.maximum(image, 0))
    image += sigma * rng.standard_normal(image.shape, np.float32)
    return np.round(255 * np.clip(image, 0, 1) ** _GAMMA).astype(np.uint8)
