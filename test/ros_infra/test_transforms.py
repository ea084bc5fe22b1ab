"""TF between real processes and nodes over DDS, and the same interface over tf2_ros."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import Transform
from hypothesis import given
from hypothesis import strategies as st
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy
from rosgraph_msgs.msg import Clock
from scipy.spatial.transform import Rotation
from tf2_msgs.msg import TFMessage

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.ros import stamps, transforms
from surgical_perception.ros.transform_errors import (
    ConnectivityError,
    ExtrapolationError,
    LookupTransformError,
)

S = stamps.NS_PER_S
LATEST = 0
PATIENCE_S = 20.0


def shift(x, y=0.0, z=0.0):
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    return pose


@pytest.fixture
def ros():
    """Yield (make_node, wait_until) with one single-threaded executor that the test spins."""
    context = rclpy.Context()
    rclpy.init(context=context)
    executor = SingleThreadedExecutor(context=context)
    nodes = []

    def make_node(name, **parameters):
        overrides = [Parameter(key, value=value) for key, value in parameters.items()]
        nodes.append(rclpy.create_node(name, context=context, parameter_overrides=overrides))
        executor.add_node(nodes[-1])
        return nodes[-1]

    def wait_until(condition, what):
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f'waited {PATIENCE_S:g} s for {what}'
            executor.spin_once(timeout_sec=0.05)

    yield SimpleNamespace(node=make_node, wait_until=wait_until, executor=executor)
    executor.shutdown()
    for node in nodes:
        node.destroy_node()
    context.try_shutdown()


def test_two_processes_agree_on_where_frames_are(ros):
    rng = np.random.default_rng(1)
    first, second, ct, detector, moved = (se3.exp(rng.uniform(-1, 1, 6)) for _ in range(5))
    speech = {
        'static': [
            ('ct', 'ct_ras', ct.ravel().tolist()),
            ('carm', 'carm_detector', detector.ravel().tolist()),
            ('ct', 'ct_ras', moved.ravel().tolist()),  # a correction must not be dropped
        ],
        'moving': [(50 * S, first.ravel().tolist()), (52 * S, second.ravel().tolist())],
    }
    speaker = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name('tf_speaker.py')), json.dumps(speech)]
    )
    try:
        # Late, so that the static transforms come from the latch.
        talk = ros.node('waiting')
        ros.wait_until(lambda: talk.count_publishers('/tf_static'), 'the other process')
        listener = transforms.TransformListener(ros.node('listener'))
        ros.wait_until(
            lambda: (
                listener.can_transform('patient', 'carm_detector', 52 * S)
                and listener.can_transform('ct', 'ct_ras', LATEST)
            ),
            'transforms of the other process',
        )
        at_51 = se3.interpolate(first, second, 0.5) @ detector
        np.testing.assert_allclose(
            listener.lookup('patient', 'carm_detector', 51 * S), at_51, atol=1e-9
        )
        np.testing.assert_allclose(listener.lookup('ct', 'ct_ras', 99 * S), moved, atol=1e-9)
        with pytest.raises(ExtrapolationError, match=r'52\.5'):
            listener.lookup('patient', 'carm', 52 * S + S // 2)
        with pytest.raises(ConnectivityError, match='same tree'):
            listener.lookup('patient', 'ct', 51 * S)
        with pytest.raises(LookupTransformError, match='endoscope'):
            listener.lookup('patient', 'endoscope', 51 * S)
    finally:
        speaker.send_signal(signal.SIGINT)
        assert speaker.wait(timeout=PATIENCE_S) == 0


def test_a_clock_that_jumps_back_empties_the_listener(ros):
    node = ros.node('listener', use_sim_time=True)
    listener = transforms.TransformListener(node)
    talker = ros.node('talker')
    clock = talker.create_publisher(Clock, '/clock', 1)
    broadcaster = transforms.TransformBroadcaster(talker)
    broadcaster.send_static([('a', 'b', shift(1.0))])
    ros.wait_until(
        lambda: (
            clock.get_subscription_count() and len(talker.get_subscriptions_info_by_topic('/tf'))
        ),
        'the listener',
    )

    def set_clock(seconds):
        message = Clock()
        message.clock.sec = seconds

        def reached():
            clock.publish(message)
            return node.get_clock().now().nanoseconds == seconds * S

        ros.wait_until(reached, f'/clock at {seconds} s')

    def hear(stamp_ns):
        def heard():
            broadcaster.send('world', 'a', stamp_ns, shift(2.0))
            return listener.can_transform('world', 'b', stamp_ns)

        ros.wait_until(heard, f'a transform at {stamps.text(stamp_ns)}')

    set_clock(100)
    hear(100 * S)
    set_clock(101)
    assert listener.can_transform('world', 'b', 100 * S)  # forwards is no jump
    set_clock(5)
    assert not listener.can_transform('world', 'b', LATEST)
    np.testing.assert_allclose(listener.lookup('a', 'b', 5 * S), shift(1.0))
    if transforms.tf2_ros is None:  # a straggler from before the jump, which would stall tf2
        broadcaster.send('world', 'a', 100 * S, shift(9.0))
    hear(5 * S)
    np.testing.assert_allclose(listener.lookup('world', 'a', LATEST), shift(2.0))


def test_bad_transforms_are_ignored_with_a_reason(ros, monkeypatch):
    node = ros.node('listener')
    listener = transforms.TransformListener(node)
    logged = []
    monkeypatch.setattr(
        type(node.get_logger()), 'warning', lambda _self, text, **_: logged.append(text)
    )
    publisher = ros.node('talker').create_publisher(TFMessage, '/tf', 10)
    good = transforms.transform_message('a', 'good', S, shift(1.0))
    bad = transforms.transform_message('a', 'bad', S, shift(1.0))
    bad.transform.rotation.w = 1.1
    own_parent = transforms.transform_message('a', 'loop', S, shift(1.0))
    own_parent.header.frame_id = 'loop'
    old = transforms.transform_message('a', 'good', S, shift(1.0))
    new = transforms.transform_message('a', 'good', 100 * S, shift(1.0))
    everything = TFMessage(transforms=[bad, own_parent, good, new, old])

    def heard():
        publisher.publish(everything)
        return listener.can_transform('a', 'good', 100 * S)

    ros.wait_until(heard, 'the good transforms')
    text = '\n'.join(logged)
    assert "from 'bad' to 'a' ignored: the quaternion has norm 1.1" in text
    assert "transform of frame 'loop' to itself" in text
    assert '1.000000000 s is older than the cache' in text
    assert not listener.can_transform('a', 'bad', S)


def test_a_lookup_may_wait_for_its_transform(ros):
    listener = transforms.TransformListener(ros.node('listener'))
    talker = ros.node('talker')
    broadcaster = transforms.TransformBroadcaster(talker)
    found = []
    worker = threading.Thread(
        target=lambda: found.append(listener.lookup('a', 'b', S, timeout_s=PATIENCE_S))
    )
    worker.start()

    def found_it():
        broadcaster.send('a', 'b', S, shift(3.0))
        return found

    ros.wait_until(found_it, 'the waiting lookup')
    worker.join()
    np.testing.assert_allclose(found[0], shift(3.0))
    begin = time.monotonic()
    with pytest.raises(LookupTransformError):
        listener.lookup('a', 'nowhere', S, timeout_s=0.1)
    assert time.monotonic() - begin >= 0.1


def test_the_latched_message_holds_all_or_nothing(ros):
    node = ros.node('talker')
    broadcaster = transforms.TransformBroadcaster(node)
    broadcaster.send_static([('ct', 'ct_ras', shift(1.0)), ('carm', 'detector', shift(2.0))])
    with pytest.raises(InputError, match='NaN'):
        broadcaster.send_static([('a', 'b', shift(1.0)), ('a', 'c', shift(np.nan))])
    broadcaster.send_static([('ct', 'ct_ras', shift(3.0))])
    latched = []
    ros.node('late').create_subscription(
        TFMessage, '/tf_static', latched.append, transforms.STATIC_LISTENER_QOS
    )
    ros.wait_until(lambda: latched, 'the latched message')
    assert len(latched) == 1
    got = {t.child_frame_id: t.transform.translation.x for t in latched[0].transforms}
    assert got == {'ct_ras': 3.0, 'detector': 2.0}


def test_the_topics_have_the_qos_of_tf2(ros):
    node = ros.node('both')
    transforms.TransformBroadcaster(node)
    listener = transforms.TransformListener(node)
    assert len(node.get_publishers_info_by_topic('/tf')) == 1
    for topic, durability in (
        ('/tf', DurabilityPolicy.VOLATILE),
        ('/tf_static', DurabilityPolicy.TRANSIENT_LOCAL),
    ):
        for info in (
            *node.get_publishers_info_by_topic(topic),
            *node.get_subscriptions_info_by_topic(topic),
        ):
            assert info.qos_profile.durability == durability
    listener.destroy()
    ros.wait_until(lambda: not node.get_subscriptions_info_by_topic('/tf'), 'the end')


twists = st.lists(st.floats(-3.0, 3.0), min_size=6, max_size=6).map(np.array)


@given(twists, st.integers(0, 10**18))
def test_messages_carry_poses_exactly(twist, stamp_ns):
    pose = se3.exp(twist)
    message = transforms.transform_message('ct', 'carm', stamp_ns, pose)
    assert (message.header.frame_id, message.child_frame_id) == ('ct', 'carm')
    assert stamps.to_ns(message.header.stamp) == stamp_ns
    q = message.transform.rotation
    got = Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix()
    np.testing.assert_allclose(got, Rotation.from_rotvec(twist[3:]).as_matrix(), atol=1e-12)
    np.testing.assert_allclose(transforms.pose_from_transform(message.transform), pose, atol=1e-12)


@pytest.mark.parametrize(('norm', 'accepted'), [(1.004, True), (0.996, True), (1.006, False)])
def test_sloppy_quaternions_pass_as_far_as_in_tf2(norm, accepted):
    transform = Transform()
    transform.rotation.w = norm
    if accepted:
        np.testing.assert_allclose(transforms.pose_from_transform(transform), np.eye(4))
    else:
        with pytest.raises(InputError, match='norm'):
            transforms.pose_from_transform(transform)


@pytest.mark.parametrize('number', [np.nan, np.inf])
def test_numbers_must_be_finite(number):
    for part in ('rotation', 'translation'):
        transform = Transform()
        getattr(transform, part).x = number
        with pytest.raises(InputError):
            transforms.pose_from_transform(transform)


@pytest.mark.parametrize(
    ('parent', 'child'), [('', 'b'), ('a', ''), ('/a', 'b'), ('a', '/b'), ('a', 'a')]
)
def test_nothing_is_sent_that_a_listener_would_refuse(parent, child):
    with pytest.raises(InputError):
        transforms.transform_message(parent, child, S, np.eye(4))


class FakeTf2:
    """The part of tf2_ros that is used, with its signatures and exceptions."""

    class TransformException(Exception):
        pass

    class ConnectivityException(TransformException):
        pass

    class ExtrapolationException(TransformException):
        pass

    class InvalidArgumentException(TransformException):
        pass

    class Buffer:
        def __init__(self, cache_time=None, node=None):
            assert node is not None, 'without node= the buffer never sees a clock jump'
            self.cleared = False
            self.answer = None
            FakeTf2.buffer = self

        def lookup_transform(self, target_frame, source_frame, time):
            self.asked = (target_frame, source_frame, time.nanoseconds)
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        def clear(self):
            self.cleared = True

    class TransformListener:
        def __init__(self, buffer, node):
            self.buffer = buffer

        def unregister(self):
            self.buffer = None

    class TransformBroadcaster:
        def __init__(self, node):
            FakeTf2.sent = []

        def sendTransform(self, transform):
            FakeTf2.sent.append(transform)


def test_the_same_interface_over_tf2_ros(ros, monkeypatch):
    monkeypatch.setattr(transforms, 'tf2_ros', FakeTf2)
    node = ros.node('with_tf2')
    transforms.TransformBroadcaster(node).send('a', 'b', S, shift(1.0))
    listener = transforms.TransformListener(node)
    buffer = FakeTf2.buffer
    (buffer.answer,) = FakeTf2.sent
    np.testing.assert_allclose(listener.lookup('a', 'b', S), shift(1.0))
    assert buffer.asked == ('a', 'b', S)
    for theirs, ours in (
        (FakeTf2.ConnectivityException, ConnectivityError),
        (FakeTf2.ExtrapolationException, ExtrapolationError),
        (FakeTf2.InvalidArgumentException, LookupTransformError),
        (FakeTf2.TransformException, LookupTransformError),
    ):
        buffer.answer = theirs('the reason')
        with pytest.raises(ours, match='the reason'):
            listener.lookup('a', 'b', LATEST)
    assert not listener.can_transform('a', 'b', LATEST)
    (buffer.answer,) = FakeTf2.sent
    buffer.answer.transform.translation.x = 2e8  # what two good transforms may lead to
    with pytest.raises(LookupTransformError, match="from 'b' to 'a', the pose is 2e"):
        listener.lookup('a', 'b', LATEST)
    node.set_parameters([Parameter('use_sim_time', value=True)])
    assert buffer.cleared
    listener.destroy()
