"""Pixels of the images that come in, and of the smaller ones that are worked on."""

import numpy as np


def rescaled(uv, source, target):
    """
    Return where pixels [N, 2] of one PinholeCamera lie in another of the same optical centre.

    Both see along the same ray, whether the images were binned, cropped or both.
    """
    uv = np.asarray(uv, np.float64).reshape(-1, 2)
    x = (uv[:, 0] - source.cx) / source.fx
    y = (uv[:, 1] - source.cy) / source.fy
    return np.stack([target.fx * x + target.cx, target.fy * y + target.cy], -1)


def inside(uv, camera):
    """[N] bool: finite and on a pixel of the camera's image."""
    uv = np.asarray(uv, np.float64).reshape(-1, 2)
    high = np.array([camera.width - 0.5, camera.height - 0.5])
    with np.errstate(invalid='ignore'):  # NaN is inside of nothing
        return ((uv >= -0.5) & (uv < high)).all(1)
