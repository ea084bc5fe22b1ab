"""Frames that are attached to tracked points, z along the normal of the surface."""

import numpy as np

from surgical_perception.geometry import se3

# A window of this half width gives a plane that noise of single pixels does not tilt.
_RADIUS_PX = 4
_MIN_PIXELS = 20


def attached_frame(xyz_m, depth_m, camera):
    """
    Return camera_from_point [4, 4] of a point on a measured surface, or None where it has none.

    xyz_m [3] in the camera; depth_m [h, w] (m, NaN where unknown) of `camera`, a PinholeCamera.
    z is the normal of the plane fitted to the depth around the point, towards the camera; x is
    the image's x axis, laid into that plane.
    """
    u, v = np.rint(camera.project(np.asarray(xyz_m, float))).astype(int)
    rows = slice(max(v - _RADIUS_PX, 0), v + _RADIUS_PX + 1)
    columns = slice(max(u - _RADIUS_PX, 0), u + _RADIUS_PX + 1)
    window = depth_m[rows, columns] if min(u, v) >= 0 else depth_m[:0]
    good = np.isfinite(window)
    if np.count_nonzero(good) < _MIN_PIXELS:
        return None
    row, column = np.nonzero(good)
    z = window[good].astype(float)
    x = (column + columns.start - camera.cx) / camera.fx * z
    y = (row + rows.start - camera.cy) / camera.fy * z
    points = np.stack([x, y, z], -1)
    normal = np.linalg.svd(points - points.mean(0))[2][2]
    normal *= -np.sign(normal @ np.asarray(xyz_m))
    along = np.array([1.0, 0.0, 0.0]) - normal[0] * normal
    along /= np.linalg.norm(along)
    rotation = np.stack([along, np.cross(normal, along), normal], -1)
    return se3.from_rotation_translation(rotation, xyz_m)
