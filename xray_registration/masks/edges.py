"""Thin edges of a smoothed X-ray, with the direction in which it becomes darker for the beam."""

from typing import NamedTuple

import cv2
import numpy as np

# Gradients in line integrals per pixel: a blade's edge reaches the higher one somewhere and the
# lower one wherever scatter leaves it visible.
_WEAK, _STRONG = 0.04, 0.10
_TO_INT16 = 2.0**12  # cv2.Canny takes 16-bit gradients; 8 per pixel is beyond any edge


class Edges(NamedTuple):
    """Edge pixels [N, 2] (u, v) and their unit gradients [N, 2], towards higher attenuation."""

    points: np.ndarray
    normals: np.ndarray


def find_edges(image):
    """Return the Edges of line integrals [H, W] float32 that were smoothed before."""
    dx = cv2.Scharr(image, cv2.CV_32F, 1, 0, scale=1 / 32)
    dy = cv2.Scharr(image, cv2.CV_32F, 0, 1, scale=1 / 32)
    thin = cv2.Canny(
        _int16(dx), _int16(dy), _WEAK * _TO_INT16, _STRONG * _TO_INT16, L2gradient=True
    )
    v, u = np.nonzero(thin)
    gradients = np.stack([dx[v, u], dy[v, u]], -1).astype(float)
    lengths = np.maximum(np.linalg.norm(gradients, axis=1, keepdims=True), 1e-12)
    return Edges(np.stack([u, v], -1).astype(float), gradients / lengths)


def _int16(gradient):
    return np.clip(np.rint(gradient * _TO_INT16), -32768, 32767).astype(np.int16)
