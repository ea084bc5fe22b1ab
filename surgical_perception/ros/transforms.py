"""
TF for nodes: one listener and one broadcaster, with tf2_ros where it is installed and without.

Without it the same topics and QoS (tf2_msgs/TFMessage on /tf and /tf_static) are served by
`transform_buffer`, which has tf2's rules.  Errors are those of `transform_errors` either way.
"""

import time

from geometry_msgs.msg import Quaternion, TransformStamped, Vector3
from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.time import Time
from tf2_msgs.msg import TFMessage

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.ros import stamps
from surgical_perception.ros.transform_buffer import TransformBuffer
from surgical_perception.ros.transform_errors import (
    ConnectivityError,
    ExtrapolationError,
    LookupTransformError,
    TransformError,
)
from surgical_perception.ros.validation import pose_from_transform

try:
    import tf2_ros
except ImportError:
    tf2_ros = None

# tf2's own profiles; a static publisher latches one message that holds all its transforms.
MOVING_QOS = QoSProfile(depth=100)
STATIC_QOS = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
STATIC_LISTENER_QOS = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)

# A sample from before a clock jump may arrive after it; being newer than all that follow, it would
# make the buffer refuse them as too old.  The margin: nav2 dates transforms up to 1 s ahead.
_MAX_AHEAD_OF_SIM_TIME_S = 2.0

_POLL_S = 0.005
_WARNING_PERIOD_S = 5.0


def transform_message(parent, child, stamp_ns, parent_from_child):
    """
    Return a geometry_msgs/TransformStamped; `parent_from_child` [4, 4] (m).

    Raises InputError where a listener would refuse it: frame ids that are empty, equal or start
    with a slash, NaN, a matrix that is not rigid.
    """
    for frame in (parent, child):
        if not frame or frame.startswith('/'):
            raise InputError(f'frame id {frame!r} is empty or starts with a slash')
    if parent == child:
        raise InputError(f'frame {child!r} cannot be its own parent: check the frame parameters')
    pose = se3.validated(parent_from_child, f'transform from {child!r} to {parent!r}')
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    stamps.fill(message.header.stamp, stamp_ns)
    (tx, ty, tz), (qx, qy, qz, qw) = (part.tolist() for part in se3.to_quaternion(pose))
    message.transform.translation = Vector3(x=tx, y=ty, z=tz)
    message.transform.rotation = Quaternion(x=qx, y=qy, z=qz, w=qw)
    return message


class TransformListener:
    """Answers where frames are, from /tf and /tf_static; a clock that jumps back empties it."""

    def __init__(self, node):
        self._source = (_TopicSource if tf2_ros is None else _Tf2Source)(node)
        # tf2's Python buffer overlooks jumps below one second; its C++ buffer, and this, do not.
        self._jump = node.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1)),
            post_callback=lambda _jump: self.clear(),
        )

    def lookup(self, target, source, stamp_ns, timeout_s=0.0):
        """
        Return target_from_source [4, 4] (m) at a stamp; stamp 0 is the latest common one.

        Waits up to `timeout_s` of wall time for the transform to arrive (a paused /clock must not
        stop the wait): only for threads other than the one that spins the node.  Raises
        LookupTransformError, ConnectivityError or ExtrapolationError.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return self._source.lookup(target, source, stamp_ns)
            except TransformError:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(_POLL_S)

    def can_transform(self, target, source, stamp_ns):
        """Return whether `lookup` would succeed now."""
        try:
            self.lookup(target, source, stamp_ns)
        except TransformError:
            return False
        return True

    def clear(self):
        """Forget all moving transforms."""
        self._source.clear()

    def destroy(self):
        """Stop listening."""
        self._jump.unregister()
        self._source.destroy()


class _TopicSource:
    """Feeds our own buffer from the two topics."""

    def __init__(self, node):
        self._node = node
        self._buffer = TransformBuffer()
        self.lookup, self.clear = self._buffer.lookup, self._buffer.clear
        self._subscriptions = [
            node.create_subscription(TFMessage, '/tf', self._on_moving, MOVING_QOS),
            node.create_subscription(
                TFMessage, '/tf_static', self._on_static, STATIC_LISTENER_QOS
            ),
        ]

    def _on_moving(self, message):
        self._insert(message, static=False)

    def _on_static(self, message):
        self._insert(message, static=True)

    def _insert(self, message, static):
        for item in message.transforms:
            parent, child = item.header.frame_id, item.child_frame_id
            stamp_ns = stamps.to_ns(item.header.stamp)
            try:
                if not static:
                    self._require_not_ahead(stamp_ns)
                pose = pose_from_transform(item.transform)
                if not self._buffer.set_transform(parent, child, stamp_ns, pose, static):
                    raise InputError(f'{stamps.text(stamp_ns)} is older than the cache')
            except InputError as error:
                self._node.get_logger().warning(
                    f'TF from {child!r} to {parent!r} ignored: {error}',
                    throttle_duration_sec=_WARNING_PERIOD_S,
                )

    def _require_not_ahead(self, stamp_ns):
        clock = self._node.get_clock()
        now_ns = clock.now().nanoseconds
        if not clock.ros_time_is_active or now_ns == 0:
            return
        if stamp_ns > now_ns + _MAX_AHEAD_OF_SIM_TIME_S * stamps.NS_PER_S:
            raise InputError(
                f'{stamps.text(stamp_ns)} is ahead of /clock ({stamps.text(now_ns)}): '
                'sent before the clock jumped back?'
            )

    def destroy(self):
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)


class _Tf2Source:
    """tf2_ros's buffer and listener, with our errors."""

    def __init__(self, node):
        # Without node= the buffer watches a clock of its own and never sees a jump.
        self._buffer = tf2_ros.Buffer(node=node)
        self._listener = tf2_ros.TransformListener(self._buffer, node)
        self.clear, self.destroy = self._buffer.clear, self._listener.unregister

    def lookup(self, target, source, stamp_ns):
        try:
            found = self._buffer.lookup_transform(target, source, Time(nanoseconds=stamp_ns))
        except tf2_ros.ConnectivityException as error:
            raise ConnectivityError(str(error)) from None
        except tf2_ros.ExtrapolationException as error:
            raise ExtrapolationError(str(error)) from None
        except tf2_ros.TransformException as error:
            raise LookupTransformError(str(error)) from None
        try:
            return pose_from_transform(found.transform)
        except InputError as error:  # good transforms may together lead too far away
            raise LookupTransformError(f'from {source!r} to {target!r}, {error}') from None


class TransformBroadcaster:
    """Publishes transforms on /tf, and the static ones of a node on /tf_static."""

    def __init__(self, node):
        self._clock = node.get_clock()
        if tf2_ros is None:
            publisher = node.create_publisher(TFMessage, '/tf', MOVING_QOS)
            self._send = lambda message: publisher.publish(TFMessage(transforms=[message]))
        else:
            self._send = tf2_ros.TransformBroadcaster(node).sendTransform
        # tf2_ros's StaticTransformBroadcaster would silently drop a second transform of a child.
        self._static_publisher = node.create_publisher(TFMessage, '/tf_static', STATIC_QOS)
        self._static = {}

    def send(self, parent, child, stamp_ns, parent_from_child):
        """Publish one moving transform; `parent_from_child` [4, 4] (m).  Raises InputError."""
        self._send(transform_message(parent, child, stamp_ns, parent_from_child))

    def send_static(self, transforms):
        """
        Publish static transforms `[(parent, child, parent_from_child [4, 4]), ...]`.

        Those sent before stay; one for the same child replaces the earlier.  All travel in one
        latched message, because a late listener is given only the last.  Raises InputError.
        """
        now_ns = self._clock.now().nanoseconds
        self._static |= {
            child: transform_message(parent, child, now_ns, pose)
            for parent, child, pose in transforms
        }
        self._static_publisher.publish(TFMessage(transforms=list(self._static.values())))
