"""What runs in this domain: nodes and what they say, topics whose ends do not fit, frames."""

import time
from dataclasses import dataclass, field

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo
from tf2_msgs.msg import TFMessage

from surgical_perception.findings import Finding, Level
from surgical_perception.frames.tree import FrameTree
from surgical_perception.ros import qos, stamps
from surgical_perception.ros.transforms import MOVING_QOS, STATIC_LISTENER_QOS

OUR_NODES = ('xray_registration_node', 'surg_invnerf_node')
_LEVELS = {
    DiagnosticStatus.OK: Level.OK,
    DiagnosticStatus.WARN: Level.WARNING,
    DiagnosticStatus.ERROR: Level.ERROR,
    DiagnosticStatus.STALE: Level.WARNING,
}
_NAME = 'doctor'
# Diagnostics come once a second, and a replay may run a hundred times as fast as time.
_MAX_CLOCKS_APART_NS = 300 * stamps.NS_PER_S


@dataclass
class Graph:
    """
    What was heard.

    nodes           full names
    diagnostics     {name of the status: newest DiagnosticStatus}
    clocks_ns       {node: stamp of its newest diagnostics}
    clock_ns        /clock, None where nobody publishes it
    cameras         {frame: topic of a camera_info that is given in it}
    mismatches      Findings about topics whose ends do not fit
    """

    nodes: list = field(default_factory=list)
    diagnostics: dict = field(default_factory=dict)
    clocks_ns: dict = field(default_factory=dict)
    clock_ns: int | None = None
    cameras: dict = field(default_factory=dict)
    mismatches: list = field(default_factory=list)
    tree: FrameTree = field(default_factory=FrameTree)


def listen(context, seconds):
    """Return the Graph that is heard in that time; `context` is rclpy's."""
    node = rclpy.create_node(_NAME, context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    graph, known = Graph(), set()
    node.create_subscription(TFMessage, '/tf', lambda m: graph.tree.add(m, False), MOVING_QOS)
    node.create_subscription(
        TFMessage, '/tf_static', lambda m: graph.tree.add(m, True), STATIC_LISTENER_QOS
    )

    def on_diagnostics(message):
        graph.diagnostics |= {status.name: status for status in message.status}
        names = {status.name.partition(':')[0] for status in message.status}
        graph.clocks_ns |= dict.fromkeys(names, stamps.to_ns(message.header.stamp))

    def on_clock(message):
        graph.clock_ns = stamps.to_ns(message.clock)

    node.create_subscription(DiagnosticArray, '/diagnostics', on_diagnostics, 10)
    node.create_subscription(Clock, '/clock', on_clock, qos.SENSOR)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        _watch_cameras(node, known, graph.cameras)
        executor.spin_once(timeout_sec=0.05)
    graph.nodes = sorted(_full_names(node) - {f'/{_NAME}'})
    graph.mismatches = _mismatches(node)
    executor.remove_node(node)
    node.destroy_node()
    executor.shutdown()
    return graph


def graph_findings(graph, seconds):
    """Return the Findings about a Graph."""
    if not graph.nodes:
        text = (
            f'no node was seen in {seconds:g} s: start them, with the ROS_DOMAIN_ID and the '
            'middleware of this terminal'
        )
        return [Finding(Level.WARNING, 'graph', text)]
    found = [Finding(Level.OK, 'nodes', ', '.join(graph.nodes)), *graph.mismatches]
    for name in OUR_NODES:
        if any(full.endswith(f'/{name}') for full in graph.nodes):
            found += _said(graph, name, seconds) + _clock(graph, name)
    return found + [Finding(Level.WARNING, 'frames', text) for text in graph.tree.problems()]


def _said(graph, name, seconds):
    """Return what a node of ours says of itself, parts that say the same together."""
    parts = {}
    for title, status in sorted(graph.diagnostics.items()):
        node, _, part = title.partition(': ')
        if node == name:
            parts.setdefault((status.level, status.message), []).append(part)
    if not parts:
        text = f'said nothing on /diagnostics in {seconds:g} s: is it busy, or another domain?'
        return [Finding(Level.WARNING, name, text)]
    return [
        Finding(_LEVELS[level], f'{name}: {", ".join(about)}', message)
        for (level, message), about in parts.items()
    ]


def _clock(graph, name):
    """Judge whether a node and the messages that it gets live in one time."""
    its_ns, clock_ns = graph.clocks_ns.get(name), graph.clock_ns
    if its_ns == 0:
        text = (
            'its clock stands at 0: use_sim_time is true, and nobody publishes /clock. Start a '
            'replay, or start the node with use_sim_time:=false'
        )
        return [Finding(Level.ERROR, name, text)]
    if None not in (its_ns, clock_ns) and abs(its_ns - clock_ns) > _MAX_CLOCKS_APART_NS:
        text = (
            f'its clock is {abs(its_ns - clock_ns) * 1e-9:.3g} s away from /clock: for a replay '
            'start it with use_sim_time:=true'
        )
        return [Finding(Level.ERROR, name, text)]
    return []


def _watch_cameras(node, known, cameras):
    """Subscribe to each camera_info once: it says which frame the images beside it are in."""
    for topic, types in node.get_topic_names_and_types():
        if topic in known or 'sensor_msgs/msg/CameraInfo' not in types:
            continue
        known.add(topic)
        node.create_subscription(
            CameraInfo,
            topic,
            lambda message, topic=topic: cameras.setdefault(message.header.frame_id, topic),
            qos.SENSOR,
        )


def _full_names(node):
    return {
        f'{space.rstrip("/")}/{name}'
        for name, space in node.get_node_names_and_namespaces()
        if not name.startswith('_')
    }


def _mismatches(node):
    """Return a Finding for each pair of a publisher and a subscription that do not fit."""
    found = {}
    for topic, types in node.get_topic_names_and_types():
        if len(types) > 1:
            text = f'is used as {" and as ".join(sorted(types))}: rename one'
            found[topic, ''] = Finding(Level.ERROR, topic, text)
        for publisher in node.get_publishers_info_by_topic(topic):
            for subscription in node.get_subscriptions_info_by_topic(topic):
                reason = qos.incompatibility(publisher.qos_profile, subscription.qos_profile)
                if reason:
                    ends = f'from {publisher.node_name} to {subscription.node_name}'
                    found[topic, ends] = Finding(
                        Level.ERROR,
                        topic,
                        f'nothing gets {ends}: {reason.removeprefix("ERROR: ")}',
                    )
    return list(found.values())
