"""Dense flow fields: sampled, composed, and checked forward against backward."""

from functools import lru_cache

import cv2
import numpy as np


@lru_cache(maxsize=4)
def pixel_grid(height, width):
    """Return the pixel coordinates (u, v) of an image, [H, W, 2] float32, read-only."""
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
    grid.flags.writeable = False
    return grid


def inside(uv, height, width):
    """Return where pixels [..., 2] lie within the outermost pixel centres; False for NaN."""
    u, v = uv[..., 0], uv[..., 1]
    return (u >= 0) & (v >= 0) & (u <= width - 1) & (v <= height - 1)


def sampled(field, uv):
    """Return a field [H, W] or [H, W, C] (float32) at pixels uv [h, w, 2]; NaN outside of it."""
    # Replicated, then refused: with a constant border, NaN would leak into the last pixel.
    values = cv2.remap(
        field, np.nan_to_num(uv, nan=-1), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    values[~inside(uv, *field.shape[:2])] = np.nan
    return values


def composed(first, second):
    """Return the flow [H, W, 2] that follows `first` and then `second`; NaN where it leaves."""
    there = pixel_grid(*first.shape[:2]) + first
    return first + sampled(second, there)


def forward_backward_error(forward, backward):
    """
    Return how far (pixels) [H, W] each pixel lands from itself, there and back by two flows.

    Infinite where the way leaves the image or one of the flows says nothing.
    """
    round_trip = composed(forward, backward)
    error = np.hypot(round_trip[..., 0], round_trip[..., 1])
    error[np.isnan(error)] = np.inf
    return error
