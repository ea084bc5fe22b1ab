"""Hostile messages to the running node over DDS: each is answered, and the node goes on."""

import numpy as np
import pytest
from hostile_messages import examples, good_image, good_info, is_good, poses, shots, transforms
from hypothesis import given, settings
from node_harness import CARM_FROM_CT, running
from rclpy.serialization import deserialize_message, serialize_message
from ros_harness import values
from tf2_msgs.msg import TFMessage

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.ros import stamps
from surgical_perception.ros.diagnostics import ERROR
from surgical_perception.ros.validation import pose_from_transform, validate_pose

S = stamps.NS_PER_S


@pytest.fixture(scope='module')
def node():
    with running() as h:
        yield h


@pytest.fixture(scope='module')
def tracked():
    with running(reference_frame='patient', tf__timeout_s=0.0) as h:
        h.tf = h.peer.create_publisher(TFMessage, '/tf', 100)
        h.wait(lambda: h.peer.count_subscribers('/tf') >= 2)
        h.second = 100
        yield h


def received(message):
    """Return a message as it comes out of DDS: a text ends at its first NUL."""
    return deserialize_message(serialize_message(message), type(message))


def answered(h, image, info):
    """Send a shot; return (its status, whether a pose came with it)."""
    statuses, poses_before = len(h.peer.statuses), len(h.peer.poses)
    h.peer.info.publish(info)
    h.peer.image.publish(image)
    h.wait(lambda: len(h.peer.statuses) > statuses)
    status = h.peer.statuses[-1]
    if status.level != ERROR:
        h.wait(lambda: len(h.peer.poses) > poses_before)
    return status, len(h.peer.poses) > poses_before


@settings(max_examples=examples(1000))
@given(messages=shots())
def test_every_xray_is_answered_and_only_good_ones_with_a_pose(node, messages):
    image, info = messages
    status, has_pose = answered(node, image, info)
    good = is_good(received(image), received(info))
    assert (status.level != ERROR) == has_pose == good, status.message
    if not good:
        assert values(status)['reason'] and 'internal error' not in status.message


@settings(max_examples=examples(250))
@given(message=poses())
def test_no_start_pose_harms_the_next_registration(node, message):
    count = node.node._start_input.count
    node.peer.start.publish(message)
    node.wait(lambda: node.node._start_input.count > count)
    status, has_pose = answered(node, good_image(), good_info())
    assert has_pose
    try:
        validate_pose(message.pose.pose)
    except InputError:
        assert values(status)['start'] != 'initial_pose'
    else:
        assert values(status)['start'] == 'initial_pose'


@settings(max_examples=examples(250))
@given(message=transforms())
def test_a_pose_comes_only_of_a_good_transform_and_is_composed_with_it(tracked, message):
    h = tracked
    h.second += 1
    image, info = good_image(), good_info()
    for header in (image.header, info.header, message.header):
        header.stamp.sec, header.stamp.nanosec = h.second, 0
    h.tf.publish(TFMessage(transforms=[message]))
    # A transform that is good comes last, of frames that nobody asks for: all were read by then.
    h.peer.broadcaster.send('fence', f'post_{h.second}', h.second * S, np.eye(4))
    h.wait(lambda: h.node._listener.can_transform('fence', f'post_{h.second}', h.second * S))
    status, has_pose = answered(h, image, info)
    expected = _patient_from_carm(received(message))
    assert has_pose == (expected is not None), status.message
    if has_pose:
        found = validate_pose(h.peer.poses[-1].pose.pose)
        np.testing.assert_allclose(found, expected @ CARM_FROM_CT, rtol=1e-9, atol=1e-9)
    else:
        assert 'TF missing' in status.message or 'm away' in status.message


def _patient_from_carm(message):
    """Return the pose of the C-arm that a transform gives; None where none of the CT follows."""
    frames = [message.header.frame_id, message.child_frame_id]
    try:
        pose = pose_from_transform(message.transform)
    except InputError:
        return None
    names = [frame.removeprefix('/') for frame in frames]
    if names == ['carm', 'patient']:
        pose = se3.inverse(pose)
    elif names != ['patient', 'carm']:
        return None
    # The CT may lie beyond what a transform can say where the C-arm does not.
    farthest_m = np.abs((pose @ CARM_FROM_CT)[:3, 3]).max()
    return pose if farthest_m <= 1e8 else None
