"""
Confidence of a correspondence: the probability that it is within one pixel of the truth.

Fitted to DIS on synthetic scenes, where it holds to a few per cent at every gap.
"""

import cv2
import numpy as np

# log odds = a + b log(error + e0) + c log2(gap), with forward-backward errors in pixels.  An error
# of zero is luck: e0 keeps it from being certainty.
_A, _B, _C = -1.05, -2.76, -0.11
_E0_PX = 0.02

# Half of the keypoints that deviate by so much from their neighbours' affine map are right.
_KEYPOINT_HALF_PX = 1.6

# Standard deviation of the grey values of a sensor, and the pixels that a patch of DIS averages.
_NOISE = 2.0
_PATCH_PIXELS = 64
# The window in which texture is measured: as wide as such a patch.
_WINDOW = (9, 9)


def flow_confidence(error_px, gap):
    """Return the confidence [M] float32 of flow with forward-backward errors [M] over a gap."""
    log_odds = _A + _B * np.log(error_px + _E0_PX) + _C * np.log2(gap)
    return (1 / (1 + np.exp(-log_odds))).astype(np.float32)


def keypoint_confidence(deviation_px):
    """Return the confidence [M] float32 of keypoints that deviate [M] from local affinity."""
    return (1 / (1 + (deviation_px / _KEYPOINT_HALF_PX) ** 3)).astype(np.float32)


def texture_confidence(image):
    """
    Return how likely noise alone leaves a match within one pixel, [H, W] float32, of RGB.

    Where nothing can be seen, flow agrees with itself all the same, hence this beside it.  With
    noise s and the smaller eigenvalue l of the mean gradient covariance over n pixels, the
    Cramer-Rao bound of each coordinate's variance is v = s^2 / (n l), and the probability
    1 - exp(-1 / (2 v)).
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    du, dv = (cv2.Sobel(grey, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    uu, uv, vv = (cv2.boxFilter(product, -1, _WINDOW) for product in (du * du, du * dv, dv * dv))
    eigenvalue = (uu + vv) / 2 - np.hypot((uu - vv) / 2, uv)
    information = np.maximum(eigenvalue, 0) * (_PATCH_PIXELS / (2 * _NOISE**2))
    return -np.expm1(-information)
