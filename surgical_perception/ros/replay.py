"""
Replay a bag over DDS: the raw bytes of every message, at their times, and `/clock`.

It waits until somebody listens to every topic, so nothing is lost to discovery.  A bag's own
/clock is left out: the replay is the clock.
"""

import sys
import time
from dataclasses import dataclass

from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock

from surgical_perception.bags import BagReader
from surgical_perception.errors import InputError
from surgical_perception.parameters import param
from surgical_perception.ros import bag_nodes, stamps
from surgical_perception.ros.bag_nodes import CLOCK_TOPIC

# A timer on ROS time must not wait for the next message of a sparse bag.
_CLOCK_PERIOD_S = 0.02
_POLL_S = 0.02
_REMINDER_PERIOD_S = 5.0
# TF at 100 Hz outruns a depth of 10 while a listener is busy for 0.1 s.
_MIN_DEPTH = 100
_ACKNOWLEDGE_S = 2.0


@dataclass(frozen=True)
class ReplayParameters:
    """What a replay may be told."""

    bag: str = param('', 'Bag to play: its folder, or an .mcap or .db3 file.')
    rate: float = param(1.0, 'Playing speed; 2 is twice as fast.', low=0.01, high=100.0)
    loop: bool = param(False, 'Start again at the end; /clock jumps back.')
    wait_s: float = param(
        60.0, 'Longest wait for a subscriber of every topic.', 's', low=0.0, high=3600.0
    )

    def conflicts(self):
        """Return what is missing."""
        return [] if self.bag else ['bag is empty: give the path of a bag']


class ReplayNode(Node):
    """Plays one bag; `run` returns at its end."""

    NAME = 'replay_node'

    def __init__(self):
        super().__init__(self.NAME)
        self._parameters = bag_nodes.read_parameters(self, ReplayParameters)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)
        self._clock_publisher = self.create_publisher(Clock, CLOCK_TOPIC, 10)

    def run(self, stopped):
        """Play the bag to its end, or until `stopped`; raises InputError for an unusable bag."""
        path, rate = self._parameters.bag, self._parameters.rate
        with BagReader(path) as bag:
            topics = [topic for topic in bag.topics.values() if topic.name != CLOCK_TOPIC]
            if not topics:
                raise InputError(f'{path}: there is nothing to replay in it')
            publishers = {topic.name: self._publisher(topic) for topic in topics}
            self._wait_for_subscribers(publishers, stopped)
            self.get_logger().info(f'playing {path}: {bag.duration_s / rate:.1f} s')
            self._play(bag, publishers, stopped)
            while self._parameters.loop and not stopped.is_set():
                self._play(bag, publishers, stopped)
        if not stopped.is_set():
            for publisher in publishers.values():
                publisher.wait_for_all_acked(Duration(seconds=_ACKNOWLEDGE_S))

    def _play(self, bag, publishers, stopped):
        """Publish every message at its time and say how late the latest was."""
        count, late_s, first_ns, began = 0, 0.0, None, time.monotonic()
        for topic, stamp_ns, data in bag.raw(list(publishers)):
            first_ns = stamp_ns if first_ns is None else first_ns
            due = began + (stamp_ns - first_ns) * 1e-9 / self._parameters.rate
            self._run_clock_until(due, stamp_ns, stopped)
            if stopped.is_set():
                break
            late_s = max(late_s, time.monotonic() - due)
            self._publish_clock(stamp_ns)
            publishers[topic].publish(data)
            count += 1
        self.get_logger().info(f'played {count} messages, at most {late_s * 1e3:.0f} ms late')

    def _run_clock_until(self, due, stamp_ns, stopped):
        """Tick /clock, which reads `stamp_ns` at the time `due`, until then."""
        while (left := due - time.monotonic()) > 0 and not stopped.is_set():
            if left > _CLOCK_PERIOD_S:
                self._publish_clock(stamp_ns - int(left * self._parameters.rate * stamps.NS_PER_S))
            self._executor.spin_once(timeout_sec=min(left, _CLOCK_PERIOD_S))

    def _publish_clock(self, stamp_ns):
        message = Clock()
        stamps.fill(message.clock, stamp_ns)
        self._clock_publisher.publish(message)

    def _wait_for_subscribers(self, publishers, stopped):
        """Wait until every topic is matched, or say which is not and go on."""
        wait_s = self._parameters.wait_s
        began = reminded = time.monotonic()
        while alone := sorted(n for n, p in publishers.items() if not p.get_subscription_count()):
            now = time.monotonic()
            if now - began > wait_s:
                self.get_logger().warning(
                    f'nobody listens to {", ".join(alone)} after {wait_s:g} s, playing all the '
                    'same: check the topic names and the QoS of the subscribers'
                )
                return
            if now - reminded > _REMINDER_PERIOD_S:
                reminded = now
                self.get_logger().info(f'waiting for a subscriber of {", ".join(alone)}')
            if stopped.is_set():
                return
            self._executor.spin_once(timeout_sec=_POLL_S)

    def _publisher(self, topic):
        qos = QoSProfile(depth=max(topic.depth, _MIN_DEPTH))
        if not topic.reliable:
            qos.reliability = ReliabilityPolicy.BEST_EFFORT
        if topic.transient_local:
            qos.durability = DurabilityPolicy.TRANSIENT_LOCAL
            qos.depth = topic.depth
        return self.create_publisher(bag_nodes.message_type(topic.type), topic.name, qos)


def main(args=None):
    """Run the replay node."""
    return bag_nodes.run(ReplayNode, args)


if __name__ == '__main__':
    sys.exit(main())
