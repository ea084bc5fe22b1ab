"""Point clouds and triangle markers as messages."""

import array
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import PointCloud2, PointField
from visualization_msgs.msg import Marker

from surgical_perception import clouds
from surgical_perception.errors import InputError

KINDS = ['i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'f4', 'f8']


def test_the_datatypes_are_those_of_pointfield():
    constants = {
        getattr(PointField, f'{name}{bits}'): f'{name[0].lower()}{bits // 8}'
        for name in ('INT', 'UINT', 'FLOAT')
        for bits in (8, 16, 32, 64)
        if hasattr(PointField, f'{name}{bits}')
    }
    assert constants == clouds.FIELD_TYPES
    assert clouds.TRIANGLE_LIST == Marker.TRIANGLE_LIST


@st.composite
def structured(draw):
    names = draw(
        st.lists(st.text(string.ascii_lowercase, min_size=1), min_size=1, max_size=5, unique=True)
    )
    fields = [
        (
            name,
            draw(st.sampled_from('<>')) + draw(st.sampled_from(KINDS)),
            draw(st.sampled_from([(), (3,)])),
        )
        for name in names
    ]
    shape = draw(st.one_of(st.tuples(st.integers(0, 5)), st.tuples(*[st.integers(2, 4)] * 2)))
    aligned = draw(st.booleans())
    return draw(arrays.arrays(np.dtype(fields, align=aligned), shape))


@given(structured())
def test_clouds_survive_a_message(points):
    msg = clouds.fill_cloud_message(PointCloud2(), points)
    assert msg.row_step * msg.height == len(msg.data)
    msg = deserialize_message(serialize_message(msg), PointCloud2)
    got = clouds.cloud_from_message(msg)
    assert got.dtype.names == points.dtype.names and got.shape == points.shape
    floats = [points[name] for name in points.dtype.names if points.dtype[name].base.kind == 'f']
    assert msg.is_dense == all(np.isfinite(values).all() for values in floats)
    for name in points.dtype.names:
        np.testing.assert_array_equal(got[name], points[name])


def foreign_cloud():
    """Two rows of two points x, intensity with gaps everywhere, big-endian, written by hand."""
    fields = [
        PointField(name='x', offset=4, datatype=PointField.FLOAT32, count=1),
        PointField(name='intensity', offset=1, datatype=PointField.UINT16, count=1),
    ]
    point = np.dtype(
        {
            'names': ['x', 'intensity'],
            'formats': ['>f4', '>u2'],
            'offsets': [4, 1],
            'itemsize': 10,
        }
    )
    points = np.array([(1.5, 7), (2.5, 8), (3.5, 9), (4.5, 10)], point).tobytes()
    data = points[:20] + b'\xff' * 3 + points[20:] + b'\xff' * 3
    return PointCloud2(
        height=2,
        width=2,
        fields=fields,
        is_bigendian=True,
        point_step=10,
        row_step=23,
        data=array.array('B', data),
    )


def test_gaps_padding_and_byte_order_are_honoured():
    points = clouds.cloud_from_message(foreign_cloud())
    np.testing.assert_array_equal(points['x'], [[1.5, 2.5], [3.5, 4.5]])
    np.testing.assert_array_equal(points['intensity'], [[7, 8], [9, 10]])


@pytest.mark.parametrize(
    ('fields', 'reason'),
    [
        ({'row_step': 19}, 'row_step 19 and 46 bytes'),
        ({'data': array.array('B', bytes(45))}, '45 bytes of data'),
        ({'width': 3}, '3x2 points'),
        ({'point_step': 6}, 'unusable fields'),
        ({'fields': [PointField(name='x', offset=0, datatype=9, count=1)]}, 'datatype 9'),
        ({'fields': [PointField(name='x', offset=0, datatype=7, count=0)]}, 'count 0'),
        ({'fields': [PointField(name='x', offset=8, datatype=7, count=1)]}, 'unusable fields'),
        ({'fields': [PointField(name='x', datatype=2, count=1)] * 2}, 'unusable fields'),
    ],
)
def test_clouds_that_contradict_themselves_are_refused(fields, reason):
    msg = foreign_cloud()
    for name, value in fields.items():
        setattr(msg, name, value)
    with pytest.raises(InputError, match=reason):
        clouds.cloud_from_message(msg)


@st.composite
def garbage(draw):
    """Any values the message type admits; each one is a lie once in five times."""

    def mostly(truth, lies):
        return draw(lies) if draw(st.integers(0, 4)) == 0 else truth

    uint32 = st.one_of(st.integers(0, 8), st.integers(0, 2**32 - 1))
    msg = PointCloud2(is_bigendian=draw(st.booleans()))
    end = 0
    for name in draw(st.lists(st.text(max_size=2), max_size=2)):
        datatype = mostly(draw(st.integers(1, 8)), st.integers(0, 255))
        count = mostly(1, uint32)
        msg.fields.append(
            PointField(name=name, offset=mostly(end, uint32), datatype=datatype, count=count)
        )
        end += np.dtype(clouds.FIELD_TYPES.get(datatype, 'u1')).itemsize * min(count, 9)
    msg.height, msg.width = (mostly(draw(st.integers(0, 4)), uint32) for _ in range(2))
    msg.point_step = mostly(end, uint32)
    msg.row_step = mostly(min(msg.width * msg.point_step, 2**32 - 1), uint32)
    length = mostly(msg.row_step * msg.height, st.integers(0, 50))
    msg.data = array.array('B', bytes(min(length, 600)))
    return msg


@settings(max_examples=1000)
@given(garbage())
def test_garbage_is_refused_or_read(msg):
    try:
        points = clouds.cloud_from_message(msg)
    except InputError as error:
        assert str(error)
        return
    assert points.size == msg.height * msg.width
    assert points.dtype.itemsize == msg.point_step


@pytest.mark.parametrize(
    'points',
    [
        np.zeros((4, 3), np.float32),
        np.zeros((2, 2, 2), [('x', 'f4')]),
        np.zeros(4, [('x', 'f2')]),
        np.zeros(4, [('x', '?')]),
        np.zeros(4, [('x', 'U3')]),
        np.zeros(4, [('x', 'f4', (3, 3))]),
    ],
)
def test_what_a_cloud_cannot_say_is_refused(points):
    with pytest.raises(InputError):
        clouds.fill_cloud_message(PointCloud2(), points)


def test_a_mesh_becomes_a_marker():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]], np.float32)
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    marker = clouds.fill_triangle_marker(Marker(), vertices, triangles, (0.9, 0.8, 0.7, 1))
    marker = deserialize_message(serialize_message(marker), Marker)
    assert marker.type == Marker.TRIANGLE_LIST and marker.action == Marker.ADD
    got = np.array([[p.x, p.y, p.z] for p in marker.points]).reshape(-1, 3, 3)
    np.testing.assert_array_equal(got, vertices[triangles])
    assert (marker.scale.x, marker.scale.y, marker.scale.z) == (1, 1, 1)
    assert marker.pose.orientation.w == 1 and marker.color.a == 1


@pytest.mark.parametrize('triangle', [[0, 1, 3], [-1, 0, 1]])
def test_triangles_must_name_vertices(triangle):
    with pytest.raises(InputError, match='of a mesh of 3'):
        clouds.fill_triangle_marker(Marker(), np.zeros((3, 3)), [triangle], (1, 1, 1, 1))
