"""
Record topics into a bag as they are on the wire: raw bytes, with the QoS of their publishers.

A topic is subscribed to as soon as somebody publishes it.  The recording ends on SIGINT, or by
itself: once the publisher of `until_gone` (the /clock of a replay) has left, after `silence_s`
without a message, or `linger_s` later.  Bag times are those of arrival, in system time.
"""

import sys
import time
from dataclasses import dataclass
from functools import partial

from rclpy.clock import Clock, ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from surgical_perception.bags import STORAGES, BagWriter
from surgical_perception.parameters import param
from surgical_perception.ros import bag_nodes

_POLL_S = 0.05
# Deep enough for a TF publisher at 1 kHz while the disk is busy for a tenth of a second.
_DEPTH = 100


@dataclass(frozen=True)
class RecordParameters:
    """What a recording may be told."""

    out: str = param('', 'Bag to write: a folder that does not exist.')
    topics: tuple[str, ...] = param((), 'Topics to record, each with its namespace.')
    storage: str = param('mcap', 'File format of the bag.', choices=STORAGES)
    until_gone: str = param(
        '', 'Topic whose publishers end the recording by leaving; empty records until SIGINT.'
    )
    silence_s: float = param(
        3.0, 'Time without a message before a recording ends.', 's', low=0.0, high=3600.0
    )
    linger_s: float = param(
        0.0,
        'Time after which it ends although messages still come, as from a node that says that its '
        'input has gone; 0 for no limit.',
        's',
        low=0.0,
        high=3600.0,
    )

    def conflicts(self):
        """Return what is missing."""
        missing = [name for name in ('out', 'topics') if not getattr(self, name)]
        return [f'{" and ".join(missing)} not given: where to, and what to record'] * bool(missing)


class RecordNode(Node):
    """Records until it is told to stop; `run` returns with the bag complete."""

    NAME = 'record_node'

    def __init__(self):
        super().__init__(self.NAME)
        self._parameters = bag_nodes.read_parameters(self, RecordParameters)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)
        # Not the node's clock: under use_sim_time it stands still once a replay has ended.
        self._clock = Clock(clock_type=ClockType.SYSTEM_TIME)
        self._counts = {}
        self._last_message = None
        self._was_there, self._left = False, None

    def run(self, stopped):
        """Record until `stopped` or silence; raises InputError where the bag cannot be written."""
        with BagWriter(self._parameters.out, self._parameters.storage) as bag:
            while not (stopped.is_set() or self._is_over()):
                self._subscribe_to_new(bag)
                self._executor.spin_once(timeout_sec=_POLL_S)
        self._report()

    def _subscribe_to_new(self, bag):
        for name in self._parameters.topics:
            publishers = [] if name in self._counts else self.get_publishers_info_by_topic(name)
            if not publishers:
                continue
            qos = _weakest(publishers)
            reliable = qos.reliability == ReliabilityPolicy.RELIABLE
            latched = qos.durability == DurabilityPolicy.TRANSIENT_LOCAL
            bag.add_topic(name, publishers[0].topic_type, reliable, latched, qos.depth)
            self._counts[name] = 0
            self.create_subscription(
                bag_nodes.message_type(publishers[0].topic_type),
                name,
                partial(self._write, bag, name),
                qos,
                raw=True,
            )

    def _write(self, bag, topic, data):
        bag.write(topic, self._clock.now().nanoseconds, data)
        self._counts[topic] += 1
        self._last_message = time.monotonic()

    def _is_over(self):
        name = self._parameters.until_gone
        if not name:
            return False
        if self.count_publishers(name):
            self._was_there = True
            return False
        if not self._was_there:
            return False
        now = time.monotonic()
        self._left = self._left or now
        # The silence counts from the departure where nothing at all was received.
        self._last_message = self._last_message or now
        linger_s = self._parameters.linger_s
        if linger_s and now - self._left > linger_s:
            return True
        return now - self._last_message > self._parameters.silence_s

    def _report(self):
        absent = [name for name in self._parameters.topics if not self._counts.get(name)]
        counts = ', '.join(f'{name} {count}' for name, count in self._counts.items() if count)
        self.get_logger().info(f'recorded to {self._parameters.out}: {counts or "nothing"}')
        if absent:
            self.get_logger().warning(f'no message came on {", ".join(absent)}')


def _weakest(publishers):
    """Return the strongest QoS that matches all publishers of a topic."""
    qos = QoSProfile(depth=_DEPTH)
    if any(p.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT for p in publishers):
        qos.reliability = ReliabilityPolicy.BEST_EFFORT
    if all(p.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for p in publishers):
        qos.durability = DurabilityPolicy.TRANSIENT_LOCAL
    return qos


def main(args=None):
    """Run the record node."""
    return bag_nodes.run(RecordNode, args)


if __name__ == '__main__':
    sys.exit(main())
