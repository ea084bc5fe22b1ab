"""Pixels of an observation as points of the world."""

import numpy as np

from surgical_perception.geometry import se3


def world_points(camera, frame, pixels):
    """Return points [N, 3] (m, world) of integer pixels [N, 2] of a FrameObservation."""
    u, v = pixels[:, 0], pixels[:, 1]
    return se3.apply(frame.world_from_camera, camera.unproject(pixels, frame.depth_m[v, u]))


def bilinear(image, uv):
    """Return samples [N] or [N, C] of an image [H, W(, C)] at pixels [N, 2], clamped to it."""
    height, width = image.shape[:2]
    u = np.clip(uv[:, 0], 0, width - 1)
    v = np.clip(uv[:, 1], 0, height - 1)
    i = np.minimum(u.astype(int), width - 2)
    j = np.minimum(v.astype(int), height - 2)
    fu, fv = u - i, v - j
    if image.ndim == 3:
        fu, fv = fu[:, None], fv[:, None]
    top = image[j, i] * (1 - fu) + image[j, i + 1] * fu
    bottom = image[j + 1, i] * (1 - fu) + image[j + 1, i + 1] * fu
    return top * (1 - fv) + bottom * fv
