"""A node under test and a peer that talks to it over real DDS, spun by the test's thread."""

import time
from contextlib import contextmanager

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock

from surgical_perception.ros import stamps
from surgical_perception.ros.transforms import TransformBroadcaster

# Far more than anything takes: a machine that is busy with other things must fail no test.
TIMEOUT_S = 30.0
READY_S = 2.0


class HarnessPeer(Node):
    """Collects what a node says; subclasses add what they send to it."""

    def __init__(self, context, node_name):
        super().__init__('peer', context=context)
        self._node_name = node_name
        self.broadcaster = TransformBroadcaster(self)
        self.clock = self.create_publisher(Clock, '/clock', 10)
        self.diagnostics = self.collect(DiagnosticArray, '/diagnostics')

    def collect(self, message_type, topic, profile=10):
        """Return a list that fills with what arrives on a topic."""
        received = []
        self.create_subscription(message_type, topic, received.append, profile)
        return received

    def report(self, part):
        """Return the newest diagnostics of one part as (level, message)."""
        for message in reversed(self.diagnostics):
            for status in message.status:
                if status.name == f'{self._node_name}: {part}':
                    return status.level, status.message
        return None, ''


class NodeHarness:
    """The node, its peer, and waiting for conditions."""

    def __init__(self, context, make_node, make_peer, parameters):
        self.node = make_node(
            context=context,
            parameter_overrides=[
                Parameter(name.replace('__', '.'), value=value)
                for name, value in parameters.items()
            ],
        )
        self.peer = make_peer(context)
        self.clients = {}
        self.executor = SingleThreadedExecutor(context=context)
        self.executor.add_node(self.node)
        self.executor.add_node(self.peer)

    def wait(self, condition, timeout_s=TIMEOUT_S):
        """Spin until `condition()` holds; fail the test where it never does."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f'still false after {timeout_s} s'
            self.executor.spin_once(timeout_sec=0.02)

    def never(self, condition, seconds=0.4):
        """Spin for a while; fail the test where `condition()` becomes true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert not condition()
            self.executor.spin_once(timeout_sec=0.02)

    def connected(self):
        """Wait until the node is active and every topic has its partner."""
        self.wait(lambda: self.node.state == 'active' or self.node.failure)
        assert not self.node.failure
        self.wait(lambda: matched(self.node, self.peer) and matched(self.peer, self.node))
        return self

    def call(self, service_type, name, request=None):
        """Call a service of the node and return its response."""
        # One client for each service: on a busy machine a second one, made while the end of the
        # first is still being announced, may never see the service.
        if name not in self.clients:
            self.clients[name] = self.peer.create_client(service_type, name)
        client = self.clients[name]
        self.wait(seems_ready(client))
        future = client.call_async(request or service_type.Request())
        self.wait(future.done)
        return future.result()

    def set_clock(self, seconds):
        """Publish /clock until the node has it."""
        clock = Clock()
        stamps.fill(clock.clock, int(seconds * stamps.NS_PER_S))
        self.wait(self.peer.clock.get_subscription_count)
        self.peer.clock.publish(clock)
        self.wait(lambda: self.node.get_clock().now().nanoseconds == stamps.to_ns(clock.clock))

    def destroy(self):
        for node in (self.node, self.peer):
            self.executor.remove_node(node)
            node.destroy_node()
        self.executor.shutdown()


@contextmanager
def running_node(make_node, make_peer, connect=True, **parameters):
    """
    Run a node beside a peer in a context of their own.

    make_node(context=, parameter_overrides=) and make_peer(context) make them; in the names of
    `parameters`, `__` stands for a dot.
    """
    context = Context()
    rclpy.init(context=context)
    harness = None
    try:
        harness = NodeHarness(context, make_node, make_peer, parameters)
        yield harness.connected() if connect else harness
    finally:
        if harness:
            harness.destroy()
        rclpy.try_shutdown(context=context)


def seems_ready(client):
    """
    Return a condition that holds once a client's service is there, or was waited for long enough.

    rmw_fastrtps calls a service absent while its two topics have different numbers of ends.  So
    they have where the news that the node of an earlier test ended came but in half: the service
    is there all the same, and answers.
    """
    until_s = time.monotonic() + READY_S
    return lambda: client.service_is_ready() or time.monotonic() > until_s


def matched(sender, receiver):
    """Tell whether both ends of every topic between two nodes know each other."""
    sending = {p.topic_name: p for p in sender.publishers}
    receiving = {s.topic_name: s for s in receiver.subscriptions}
    for topic in sending.keys() & receiving.keys():
        # Both nodes send and receive /tf, and each knows itself.
        others = 1 if topic == '/tf' else 0
        known = sending[topic].get_subscription_count(), receiving[topic].get_publisher_count()
        if min(known) <= others:
            return False
    return True


def values(status):
    """Return the key/values of a DiagnosticStatus as a dict."""
    return {item.key: item.value for item in status.values}
