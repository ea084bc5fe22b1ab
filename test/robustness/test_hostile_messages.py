"""
Messages that no driver should send, through the code that reads them in the nodes.

Each is judged by the conventions beside it: what they forbid is refused in one sentence, what they
allow is read, and nothing else is ever raised.
"""

import math

import numpy as np
import pytest
import rclpy
from hostile_messages import (
    examples,
    good_image,
    good_info,
    is_good,
    is_rigid,
    poses,
    shots,
    transforms,
)
from hypothesis import given, settings
from rclpy.context import Context
from rclpy.node import Node
from tf2_msgs.msg import TFMessage

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.ros.transforms import TransformListener
from surgical_perception.ros.validation import validate_pose
from xray_registration.parameters import XrayRegistrationParameters
from xray_registration.shot import Shot, views_of

PARAMETERS = XrayRegistrationParameters()


def refusal(read, *arguments):
    """Return (what `read` returned, None) or (None, the sentence with which it refused)."""
    try:
        return read(*arguments), None
    except InputError as error:
        return None, str(error)


def views_of_messages(image, info):
    return views_of(Shot((image,), (info,), 0.0), PARAMETERS, lookup=None)


@settings(max_examples=examples(6500))
@given(shots())
def test_xrays_are_read_or_refused_as_the_conventions_say(messages):
    image, info = messages
    views, reason = refusal(views_of_messages, image, info)
    assert (reason is None) == is_good(image, info), reason
    if reason is None:
        (view,) = views
        assert view.image.shape == (image.height, image.width)
        assert np.isfinite(view.image).all()
        assert np.isfinite(view.camera.ray_directions()).all()
    else:
        assert reason and '\n' not in reason


def test_the_judge_knows_a_good_message():
    assert is_good(good_image(), good_info())


@settings(max_examples=examples(2000))
@given(poses())
def test_poses_are_read_or_refused_as_the_conventions_say(message):
    pose = message.pose.pose
    matrix, reason = refusal(validate_pose, pose)
    assert (reason is None) == is_rigid(pose.position, pose.orientation, 1e-3)
    if reason is None:
        np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-9)


@pytest.fixture(scope='module')
def listener():
    """Return (listener, function that hands it a TFMessage as DDS would)."""
    context = Context()
    rclpy.init(context=context)
    node = Node('listener', context=context)
    made = TransformListener(node)
    (callback,) = [s.callback for s in node.subscriptions if s.topic_name == '/tf']
    yield made, callback
    made.destroy()
    node.destroy_node()
    rclpy.try_shutdown(context=context)


@settings(max_examples=examples(1500))
@given(transforms())
def test_transforms_are_kept_or_ignored_and_none_becomes_an_identity(listener, message):
    tf, receive = listener
    tf.clear()
    receive(TFMessage(transforms=[message]))
    parent, child = message.header.frame_id, message.child_frame_id
    transform = message.transform
    names = [name.removeprefix('/') for name in (parent, child)]
    # tf2 accepts a squared norm within 1e-2 of 1.
    rotation = transform.rotation
    norm = math.hypot(rotation.x, rotation.y, rotation.z, rotation.w)
    good = is_rigid(transform.translation, rotation, np.inf) and abs(norm * norm - 1) < 1e-2
    good = good and all(names) and names[0] != names[1]
    # Two slashes, or one that remains, name no frame that anybody could ask for.
    asked = good and not any(name.startswith('/') for name in names)
    stamp_ns = message.header.stamp.sec * 10**9
    kept = bool(names[0] != names[1]) and tf.can_transform(*names, stamp_ns)
    assert kept == asked
    if kept:
        found = tf.lookup(*names, stamp_ns)
        expected = se3.from_quaternion(
            [getattr(transform.translation, axis) for axis in 'xyz'],
            np.array([rotation.x, rotation.y, rotation.z, rotation.w]) / norm,
        )
        np.testing.assert_allclose(found, expected, atol=1e-12)
