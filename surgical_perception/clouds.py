"""
sensor_msgs/PointCloud2 <-> structured numpy arrays, and triangle meshes -> RViz markers.

Works on any object with the message's fields; where messages must be made, their class is passed
in or imported from ROS at the call.
"""

import array
import sys

import numpy as np

from surgical_perception.errors import InputError

# sensor_msgs/PointField's datatype constants
FIELD_TYPES = {1: 'i1', 2: 'u1', 3: 'i2', 4: 'u2', 5: 'i4', 6: 'u4', 7: 'f4', 8: 'f8'}
_DATATYPES = {np.dtype(kind): number for number, kind in FIELD_TYPES.items()}

TRIANGLE_LIST = 11  # visualization_msgs/Marker.TRIANGLE_LIST


def cloud_from_message(msg):
    """
    Return the points of a sensor_msgs/PointCloud2 as a structured array.

    [N] where height is 1, else [H, W]; the fields have the names and types of the message, a field
    of count n is a subarray [n].  A view of `msg.data`: copy it before writing.
    Raises InputError where fields, steps and data contradict each other.
    """
    if msg.row_step < msg.width * msg.point_step or len(msg.data) != msg.row_step * msg.height:
        raise InputError(
            f'point cloud of {msg.width}x{msg.height} points of {msg.point_step} bytes has '
            f'row_step {msg.row_step} and {len(msg.data)} bytes of data: check what publishes it'
        )
    shape, point = (msg.height, msg.width), _point_type(msg)
    if 0 in shape:
        points = np.empty(shape, point)
    else:
        data = np.frombuffer(msg.data, np.uint8)
        points = np.ndarray(shape, point, data, strides=(msg.row_step, msg.point_step))
    return points[0] if msg.height == 1 else points


def fill_cloud_message(msg, points, field_class=None):
    """
    Write a structured array [N] or [H, W] into a sensor_msgs/PointCloud2 and return it.

    Each field of the array (a number or a 1-D subarray) becomes a PointField; `field_class`
    defaults to sensor_msgs.msg.PointField.  The header is left to the caller; `is_dense` is true
    where no float is NaN or infinite.  Raises InputError for what a PointField cannot say.
    """
    if field_class is None:
        from sensor_msgs.msg import PointField as field_class
    if points.dtype.names is None or points.ndim not in (1, 2):
        raise InputError(
            f'array {points.shape} of {points.dtype} is no point cloud: '
            'expected a structured array [N] or [H, W]'
        )
    # Packed and in native byte order: what the message can say and every reader takes.
    packed = np.dtype([(name, *_native(points.dtype[name], name)) for name in points.dtype.names])
    points = np.ascontiguousarray(points).astype(packed)
    msg.height, msg.width = points.shape if points.ndim == 2 else (1, points.size)
    msg.fields = [
        field_class(
            name=name,
            offset=packed.fields[name][1],
            datatype=_DATATYPES[packed[name].base],
            count=int(np.prod(packed[name].shape, dtype=int)),
        )
        for name in packed.names
    ]
    msg.is_bigendian = sys.byteorder == 'big'
    msg.point_step = packed.itemsize
    msg.row_step = packed.itemsize * msg.width
    msg.data = array.array('B', points.tobytes())
    floats = (points[name] for name in packed.names if packed[name].base.kind == 'f')
    msg.is_dense = all(bool(np.isfinite(values).all()) for values in floats)
    return msg


def fill_triangle_marker(marker, vertices, triangles, rgba, point_class=None):
    """
    Write a mesh into a visualization_msgs/Marker of type TRIANGLE_LIST and return it.

    `vertices` [N, 3] (m, in the marker's frame), `triangles` [M, 3] indices, `rgba` four numbers
    from 0 to 1; `point_class` defaults to geometry_msgs.msg.Point.  Header, namespace, id and
    lifetime are left to the caller.  Raises InputError for indices that name no vertex.
    """
    if point_class is None:
        from geometry_msgs.msg import Point as point_class
    vertices, triangles = np.asarray(vertices, float), np.asarray(triangles)
    if triangles.size and not 0 <= triangles.min() <= triangles.max() < len(vertices):
        raise InputError(
            f'triangles name vertices {triangles.min()} to {triangles.max()} '
            f'of a mesh of {len(vertices)}'
        )
    marker.type, marker.action = TRIANGLE_LIST, 0
    marker.pose.orientation.w = 1.0
    marker.scale.x = marker.scale.y = marker.scale.z = 1.0
    marker.color.r, marker.color.g, marker.color.b, marker.color.a = map(float, rgba)
    # One object per vertex, named by several triangles: six times fewer than one per corner.
    corners = [point_class(x=x, y=y, z=z) for x, y, z in vertices.tolist()]
    marker.points = [corners[index] for index in triangles.ravel().tolist()]
    return marker


def _point_type(msg):
    """Return the numpy type of one point."""
    order = '>' if msg.is_bigendian else '<'
    formats = []
    for field in msg.fields:
        if field.datatype not in FIELD_TYPES or field.count < 1:
            raise InputError(
                f'point cloud field {field.name!r} has datatype {field.datatype} and count '
                f'{field.count}: expected a datatype from 1 to 8 and a count of at least 1'
            )
        kind = order + FIELD_TYPES[field.datatype]
        formats.append(kind if field.count == 1 else (kind, (field.count,)))
    names, offsets = [f.name for f in msg.fields], [f.offset for f in msg.fields]
    layout = {'names': names, 'formats': formats, 'offsets': offsets, 'itemsize': msg.point_step}
    try:
        return np.dtype(layout)
    except (ValueError, OverflowError) as error:  # names used twice, fields outside the point
        raise InputError(f'point cloud has unusable fields {names}: {error}') from None


def _native(field, name):
    """Return a field's type in native byte order, as (type, shape) of a structured type."""
    if len(field.shape) > 1 or field.base.newbyteorder('=') not in _DATATYPES:
        raise InputError(f'point cloud field {name!r} has type {field}, which PointField lacks')
    return field.base.newbyteorder('='), field.shape
