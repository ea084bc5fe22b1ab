"""An X-ray of any C-arm as the camera of the training would have seen it."""

from typing import NamedTuple

import cv2
import numpy as np


class Seen(NamedTuple):
    """
    A View in the pixels of the training camera: the same rays, another raster.

    image      [h, w] float32 in [0, 1]
    covered    [h, w] bool, where the view may be used and reaches
    zoom       [2] training pixels per pixel of the view along (u, v)
    shift      [2] where pixel (0, 0) of the view lies
    """

    image: np.ndarray
    covered: np.ndarray
    zoom: np.ndarray
    shift: np.ndarray

    def in_view(self, pixels):
        """Return pixels [N, 2] of the training camera as pixels of the view."""
        return (pixels - self.shift) / self.zoom

    def length_in_view(self, lengths_px):
        """Return lengths [N] in training pixels as lengths in pixels of the view."""
        return lengths_px / np.sqrt(self.zoom.prod())


def as_seen_by(view, camera):
    """Return a View as Seen by a PinholeCamera; what it does not show is filled with its mean."""
    zoom = np.array([camera.fx / view.camera.fx, camera.fy / view.camera.fy])
    shift = np.array([camera.cx, camera.cy]) - zoom * [view.camera.cx, view.camera.cy]
    mask = np.ones(view.image.shape, bool) if view.mask is None else view.mask
    image = np.where(mask, view.image, view.image[mask].mean() if mask.any() else 0.0)
    blur = 0.5 / zoom.max()
    if blur > 0.5:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    affine = np.array([[zoom[0], 0, shift[0]], [0, zoom[1], shift[1]]])
    size = (camera.width, camera.height)
    warped = cv2.warpAffine(
        image.astype(np.float32),
        affine,
        size,
        flags=cv2.INTER_LINEAR,
        borderValue=float(image.mean()),
    )
    covered = cv2.warpAffine(mask.astype(np.uint8), affine, size, flags=cv2.INTER_NEAREST) > 0
    return Seen(np.clip(warped / max(float(warped.max()), 1e-6), 0, 1), covered, zoom, shift)
