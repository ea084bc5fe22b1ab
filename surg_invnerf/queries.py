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


def point_of_click(message, lookup, camera_frame):
    """
    Return a clicked geometry_msgs/PointStamped as a point [1, 3] (m) in the left camera.

    lookup(target, source, stamp_ns) raises TransformError; it is asked for the newest transform,
    which is where RViz drew what was clicked.  Raises InputError for NaN, and before the first
    image, when `camera_frame` is empty.
    """
    xyz_m = np.array([message.point.x, message.point.y, message.point.z])
    if not np.isfinite(xyz_m).all():
        raise InputError('the point holds NaN or infinity')
    if not camera_frame:
        raise InputError('no image came yet: there is nothing to point at')
    camera_from_click = lookup(camera_frame, message.header.frame_id, 0)
    return se3.apply(camera_from_click, xyz_m)[None]
