"""
Replay a bag over DDS: the raw bytes of every message, at their times, and `/clock`.

It waits until somebody listens, so nothing is lost to discovery.  A bag's own /clock is left out:
the replay is the clock; so are /rosout and /parameter_events, where every node speaks for itself.
`~/pause` (std_srvs/SetBool) and `~/step` (std_srvs/Trigger) hold it, as keys do.
"""

import sys
import time
from dataclasses import dataclass

from rclpy.duration import Duration
from rclpy.exceptions import InvalidTopicNameException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from std_srvs.srv import SetBool, Trigger

from surgical_perception.bags import BagReader
from surgical_perception.errors import InputError
from surgical_perception.parameters import param
from surgical_perception.ros import bag_nodes, stamps
from surgical_perception.ros.bag_nodes import CLOCK_TOPIC
from surgical_perception.ros.playhead import Playhead
from surgical_perception.ros.subscriber_wait import wait_for_subscribers

LEFT_OUT = (CLOCK_TOPIC, '/rosout', '/parameter_events')
TF, STATIC_TF = '/tf', '/tf_static'
IMAGES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
KEYS = 'space: pause or go on; s: step'

# A timer on ROS time must not wait for the next message of a sparse bag.
_CLOCK_PERIOD_S = 0.02
# TF at 100 Hz outruns a depth of 10 while a listener is busy for 0.1 s.
_MIN_DEPTH = 100
_ACKNOWLEDGE_S = 2.0


@dataclass(frozen=True)
class ReplayParameters:
    """What a replay may be told."""

    bag: str = param('', 'Bag to play: its folder, or an .mcap or .db3 file.')
    rate: float = param(1.0, 'Playing speed; 2 is twice as fast.', low=0.01, high=100.0)
    loop: bool = param(False, 'Start again at the end; /clock jumps back.')
    paused: bool = param(False, 'Stand still before the first message, until ~/pause or ~/step.')
    topics: tuple[str, ...] = param(
        (), 'Topics to play; empty: all whose message type is installed.'
    )
    step_topic: str = param(
        '', 'Topic whose messages ~/step counts; empty: the first with images, else any message.'
    )
    wait_for: str = param(
        'all',
        'Which topics must have a subscriber before it begins. images: those with images, or all '
        'where the bag has none.',
        choices=('all', 'images'),
    )
    wait_s: float = param(60.0, 'Longest wait for those subscribers.', 's', low=0.0, high=3600.0)

    def conflicts(self):
        """Return what is missing."""
        return [] if self.bag else ['bag is empty: give the path of a bag']


class ReplayNode(Node):
    """
    Plays one bag; `run` returns at its end.

    pressed     () -> the keys that were pressed since the last call
    hint        what is said about them
    """

    NAME = 'replay_node'

    def __init__(self, pressed=lambda: '', hint='', **kwargs):
        super().__init__(self.NAME, **kwargs)
        self._parameters = bag_nodes.read_parameters(self, ReplayParameters)
        self._pressed, self._hint = pressed, hint
        self._stopped = None
        self._playhead = Playhead(self._parameters.rate, self._parameters.paused)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)
        self._clock_publisher = self.create_publisher(Clock, CLOCK_TOPIC, 10)
        self.create_service(SetBool, '~/pause', self._on_pause)
        self.create_service(Trigger, '~/step', self._on_step)

    def run(self, stopped):
        """Play the bag to its end, or until `stopped`; raises InputError for an unusable bag."""
        path, self._stopped = self._parameters.bag, stopped
        with BagReader(path) as bag:
            for note in bag.notes:
                self.get_logger().warning(f'{path}: {note}')
            topics = self._chosen(bag.topics)
            publishers = {topic.name: self._publisher(topic) for topic in topics}
            images = [topic.name for topic in topics if topic.type in IMAGES and topic.count]
            step_topic = self._step_topic(publishers, images)
            self._wait(publishers, images)
            seconds = bag.duration_s / self._parameters.rate
            said = ['paused'] * self._playhead.paused + [self._hint] * bool(self._hint)
            self.get_logger().info('; '.join([f'playing {path}: {seconds:.1f} s', *said]))
            self._play(bag, publishers, step_topic)
            while self._parameters.loop and not stopped.is_set():
                self._play(bag, publishers, step_topic)
        if not stopped.is_set():
            for publisher in publishers.values():
                publisher.wait_for_all_acked(Duration(seconds=_ACKNOWLEDGE_S))

    def _chosen(self, topics):
        """Return the Topics to play; those whose type is not installed are named and left out."""
        path, wanted = self._parameters.bag, self._parameters.topics
        if unknown := sorted(set(wanted) - set(topics)):
            raise InputError(
                f'{path}: has no topic {", ".join(unknown)}, but {", ".join(sorted(topics))}'
            )
        chosen = [t for name, t in topics.items() if name not in LEFT_OUT]
        if wanted:
            chosen = [topics[name] for name in wanted]
        missing = [t for t in chosen if not bag_nodes.is_installed(t.type)]
        left_out = '; '.join(f'{t.name} ({t.type} is not installed)' for t in missing)
        playable = [topic for topic in chosen if topic not in missing]
        if not playable or (wanted and missing):
            reason = f'cannot play {left_out}' if missing else 'there is nothing to replay in it'
            raise InputError(f'{path}: {reason}')
        if missing:
            self.get_logger().warning(f'left out: {left_out}')
        return playable

    def _step_topic(self, publishers, images):
        """Return the name of the topic whose messages are steps, None for all topics."""
        name = self._parameters.step_topic
        if name and name not in publishers:
            raise InputError(f'step_topic {name} is not played: give one of the topics')
        return name or next(iter(images), None)

    def _wait(self, publishers, images):
        required = publishers
        if self._parameters.wait_for == 'images':
            required = images or publishers
        wait_for_subscribers(
            publishers, required, self._parameters.wait_s, self.get_logger(), self._spin
        )

    def _play(self, bag, publishers, step_topic):
        """Publish every message at its time and say how late the latest was."""
        count, late_s = 0, 0.0
        for topic, stamp_ns, data in bag.raw(list(publishers)):
            if not count:
                self._playhead.begin(stamp_ns)
            self._run_clock_until(stamp_ns, step_topic in (None, topic))
            if self._stopped.is_set():
                break
            late_s = max(late_s, -self._playhead.wait_s(stamp_ns))
            self._publish_clock(stamp_ns)
            publishers[topic].publish(data)
            count += 1
        self.get_logger().info(f'played {count} messages, at most {late_s * 1e3:.0f} ms late')

    def _run_clock_until(self, stamp_ns, counts):
        """Tick /clock until a message is due and may be played."""
        playhead, told_s = self._playhead, time.monotonic()
        while not self._stopped.is_set():
            left_s = playhead.wait_s(stamp_ns)
            if left_s is not None and left_s <= 0:
                if playhead.may_play(counts, stamp_ns):
                    return
                left_s = None
            if time.monotonic() - told_s >= _CLOCK_PERIOD_S:
                told_s = time.monotonic()
                self._publish_clock(min(playhead.position_ns, stamp_ns))
            self._spin(_CLOCK_PERIOD_S if left_s is None else min(left_s, _CLOCK_PERIOD_S))

    def _spin(self, timeout_s):
        """Serve calls and keys; return whether the replay was stopped."""
        self._executor.spin_once(timeout_sec=timeout_s)
        for key in self._pressed():
            if key == ' ':
                self._playhead.toggle()
            elif key == 's':
                self._playhead.step()
        return self._stopped.is_set()

    def _publish_clock(self, stamp_ns):
        message = Clock()
        stamps.fill(message.clock, stamp_ns)
        self._clock_publisher.publish(message)

    def _publisher(self, topic):
        qos = QoSProfile(depth=max(topic.depth, _MIN_DEPTH))
        # A listener of TF asks for reliable and latched, whatever the recorder was told.
        if not (topic.reliable or topic.name in (TF, STATIC_TF)):
            qos.reliability = ReliabilityPolicy.BEST_EFFORT
        if topic.transient_local or topic.name == STATIC_TF:
            qos.durability = DurabilityPolicy.TRANSIENT_LOCAL
            qos.depth = topic.depth
        if topic.name == STATIC_TF:
            # One publisher here stands for all that were recorded, each with a message to keep.
            qos.depth = max(topic.depth, topic.count)
        try:
            return self.create_publisher(bag_nodes.message_type(topic.type), topic.name, qos)
        except InvalidTopicNameException as error:
            raise InputError(f'{self._parameters.bag}: {topic.name!r}: {error}') from None

    # Services

    def _on_pause(self, request, response):
        if request.data:
            self._playhead.pause()
        else:
            self._playhead.resume()
        response.success, response.message = True, self._where()
        return response

    def _on_step(self, _request, response):
        self._playhead.step()
        response.success, response.message = True, self._where()
        return response

    def _where(self):
        state = 'paused' if self._playhead.paused else 'playing'
        return f'{state} at {stamps.text(self._playhead.position_ns)}'


def main(args=None):
    """Run the replay node."""
    return bag_nodes.run(ReplayNode, args)


if __name__ == '__main__':
    sys.exit(main())
