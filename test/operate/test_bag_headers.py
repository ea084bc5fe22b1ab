"""Stamps and frames are read from serialised messages as a decoder would."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgical_perception import bag_headers, bag_messages
from surgical_perception.bags import typestore
from surgical_perception.errors import InputError

POSE = 'geometry_msgs/msg/PoseStamped'


def serialised(stamp_ns, frame, little_endian=True):
    message = bag_messages.pose_stamped(stamp_ns, frame, np.eye(4))
    return bytes(typestore.serialize_cdr(message, POSE, little_endian=little_endian))


@given(st.integers(0, 2**31 * 10**9 - 1), st.text(max_size=20), st.booleans())
def test_header_is_what_was_written(stamp_ns, frame, little_endian):
    frame = frame.replace('\0', '')
    raw = serialised(stamp_ns, frame, little_endian)
    assert bag_headers.header(raw) == (stamp_ns, frame)


@pytest.mark.parametrize('length', range(16))
def test_a_message_that_is_cut_off_is_refused(length):
    with pytest.raises(InputError, match='/x holds a message that is cut off'):
        bag_headers.header(serialised(1, 'carm')[:length], '/x')


def test_types_with_and_without_header():
    assert bag_headers.has_header('sensor_msgs/msg/Image')
    assert not bag_headers.has_header('tf2_msgs/msg/TFMessage')
    assert not bag_headers.has_header('own_msgs/msg/Unknown')
