"""Messages that ask for points, as pixels of the left image."""

import numpy as np

from surgical_perception.clouds import cloud_from_message
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3


def pixels_of_cloud(message):
    """
    Return the fields u, v of a sensor_msgs/PointCloud2 as pixels [N, 2] of the left image.

    Raises InputError where they are missing or none is left; NaN stays and is refused later,
    together with what lies outside the image.
    """
    points = cloud_from_message(message).ravel()
    names = points.dtype.names
    if not {'u', 'v'} <= set(names):
        raise InputError(
            f'query_points has the fields {", ".join(names)}: expected u and v, the pixel '
            '(column, row) in the left image'
        )
    if not len(points):
        raise InputError('query_points is empty: send at least one point')
    return np.stack([points['u'], points['v']], -1).astype(float)


def pixel_of_click(point, camera_from_click, camera):
    """
    Return where the left camera sees a clicked point, as pixels [1, 2].

    point               geometry_msgs/Point (m)
    camera_from_click   [4, 4] from its frame to the left camera's
    camera              PinholeCamera of the left image

    Raises InputError for NaN and for a point behind the camera.
    """
    xyz_m = np.array([point.x, point.y, point.z])
    if not np.isfinite(xyz_m).all():
        raise InputError('clicked_point holds NaN or infinity')
    xyz_m = se3.apply(camera_from_click, xyz_m)
    if xyz_m[2] <= 0:
        raise InputError(
            f'clicked_point lies {-xyz_m[2]:.3g} m behind the camera: click on the surface'
        )
    return camera.project(xyz_m)[None]
