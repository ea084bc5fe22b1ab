"""A supposed edge of the collimator in an image: how much of it is seen, and is it a blade's?"""

from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np

# Distances across the boundary, in pixels: where its two sides are read, and where they are read
# again to tell a blade's edge from the slope of an organ, which goes on rising.
_NEAR_PX, _FAR_PX = 2.5, 12.0
# The edge may lie this far beside the fitted curve: lens distortion, and a pixel of noise.
_BESIDE_PX = (-2.0, 0.0, 2.0)

# A blade stops at least this much of the beam (in line integrals) where it is seen to stop any:
# behind dense tissue the veil of scatter hides its edge.
_MIN_STEP = 0.1
# The median step where one is seen, and its share of the rise over the far distance: blades have
# 0.9 and 0.65 at least, ribs, diaphragm and heart 0.46 and 0.61 at most (on tuning X-rays).  No
# organ has the clear step, so a blade that far may be blurred.
_MIN_MEDIAN_STEP, _MIN_SHARPNESS, _CLEAR_STEP = 0.55, 0.62, 0.75
# Behind a blade the image stays dark: share of samples above this part of the step.
_STAYS_DARK, _STAYS_SHARE = 0.3, 0.8
_BEHIND_PX = 6.0  # between those samples
# A blurred edge darkens what is open: so far inside it is looked at (px), and where more than this
# part of the edge's rise has happened the image is not used.
_RIM_PX, _RIM_RISE = 10, 0.05


class Support(NamedTuple):
    """Share of the visible boundary that has an edge's step; how long the visible part is (px)."""

    share: float
    length: float


class Boundary:
    """A curve by points about 1 px apart, with unit normals away from what is open."""

    def __init__(self, image, points, normals):
        """Take smoothed line integrals [H, W] float32, points [N, 2] (u, v) and normals [N, 2]."""
        inside = _at(np.ones(image.shape, bool), points)
        self._image, self._points, self._normals = image, points[inside], normals[inside]
        self._steps = np.max([self._step(_NEAR_PX, beside) for beside in _BESIDE_PX], axis=0)
        self._stepped = self._steps > _MIN_STEP

    def _step(self, distance, beside=0.0):
        outside, inside = (
            sample(self._image, self._points + (beside + d) * self._normals)
            for d in (distance, -distance)
        )
        return outside - inside

    def support(self, is_open):
        """Return the Support where the image [H, W] bool is still open; elsewhere nobody sees."""
        visible = _at(is_open, self._points - _NEAR_PX * self._normals)
        visible &= _at(is_open, self._points)
        length = int(visible.sum())
        return Support(float(self._stepped[visible].mean()) if length else 0.0, float(length))

    @cached_property
    def is_blade(self):
        """Is this neither an organ's slope nor a bar, which has light on its other side?"""
        chosen = self._stepped
        if not chosen.any():
            return False
        points, normals, steps = (x[chosen] for x in (self._points, self._normals, self._steps))
        step, far = np.median(steps), np.maximum(self._step(_FAR_PX)[chosen], steps)
        if step < _MIN_MEDIAN_STEP:
            return False
        if step < _CLEAR_STEP and np.median(steps / far) < _MIN_SHARPNESS:
            return False
        before = sample(self._image, points - _NEAR_PX * normals)
        reach = np.arange(_NEAR_PX, max(self._image.shape), _BEHIND_PX)
        behind = points[:, None] + reach[:, None] * normals[:, None]
        in_image = _at(np.ones(self._image.shape, bool), behind)
        dark = sample(self._image, behind) > (before + _STAYS_DARK * steps)[:, None]
        return not in_image.any() or dark[in_image].mean() >= _STAYS_SHARE

    @property
    def rim_px(self):
        """How far inside of the boundary the image is darkened by it: the blurred edge's width."""
        chosen = self._stepped
        points, normals = self._points[chosen], self._normals[chosen]
        distances = np.arange(-_RIM_PX, _RIM_PX + 1)
        lines = points[:, None] + distances[:, None] * normals[:, None]
        values = sample(self._image, lines)
        rise = (values - values[:, :1]) / np.maximum(values[:, -1:] - values[:, :1], _MIN_STEP)
        dark = np.median(rise, axis=0) > _RIM_RISE
        return float(-distances[dark.argmax()]) if dark.any() else 0.0


def sample(image, points):
    """Return bilinear values of an image [H, W] float32 at points [N, 2] or [N, M, 2] (u, v)."""
    u, v = np.moveaxis(np.asarray(points, np.float32), -1, 0)
    if u.size == 0:
        return np.zeros(u.shape, np.float32)
    values = cv2.remap(image, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return values.reshape(u.shape)


def _at(mask, points):
    """Return a mask [H, W] bool at the nearest pixels of points [..., 2]; False outside."""
    u, v = np.moveaxis(np.rint(points).astype(int), -1, 0)
    height, width = mask.shape
    inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
    found = np.zeros(inside.shape, bool)
    found[inside] = mask[v[inside], u[inside]]
    return found
