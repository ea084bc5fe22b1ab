"""The topics of a running system as a rerun recording."""

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from surgical_perception.ros.bag_nodes import message_type
from surgical_perception.viewer.layout import layout
from surgical_perception.viewer.scene import DRAWN_TYPES, Scene

_LOOK_PERIOD_S = 1.0
_TF_DEPTH, _DEPTH = 100, 5
# A marker of the CT's surface comes once, before anybody looked.
_LATCHED = DurabilityPolicy.TRANSIENT_LOCAL


class ViewerNode(Node):
    """Subscribes to every topic that can be drawn, as they appear, and draws them."""

    NAME = 'viewer_node'

    def __init__(self, recording, **kwargs):
        """Take a rerun RecordingStream that is connected to a viewer or a file."""
        super().__init__(self.NAME, **kwargs)
        self._recording = recording
        self._scene = Scene(recording)
        self._known = {}
        self._shown = None
        self.count = 0
        self.create_timer(_LOOK_PERIOD_S, self._look)
        self._look()

    @property
    def root_frame(self):
        """The frame that the scene hangs on, '' before any transform."""
        return self._scene.root_frame

    def _look(self):
        """Subscribe to topics that are new, and arrange the views when there is more to show."""
        for topic, types in self.get_topic_names_and_types():
            wanted = [name for name in types if name in DRAWN_TYPES]
            if wanted and topic not in self._known:
                self._subscribe(topic, wanted[0])
        seen = (self._scene.root_frame, tuple(self._scene.images + self._scene.overlays))
        if seen != self._shown:
            self._shown = seen
            self._recording.send_blueprint(layout(self._scene))

    def _subscribe(self, topic, type_name):
        offers = [info.qos_profile for info in self.get_publishers_info_by_topic(topic)]
        if not offers:
            return
        profile = QoSProfile(depth=_TF_DEPTH if type_name.startswith('tf2') else _DEPTH)
        if any(offer.reliability == ReliabilityPolicy.BEST_EFFORT for offer in offers):
            profile.reliability = ReliabilityPolicy.BEST_EFFORT
        if all(offer.durability == _LATCHED for offer in offers):
            profile.durability = _LATCHED
        self._known[topic] = self.create_subscription(
            message_type(type_name),
            topic,
            lambda message: self._draw(topic, type_name, message),
            profile,
        )
        self.get_logger().info(f'showing {topic} [{type_name}]')

    def _draw(self, topic, type_name, message):
        self._scene.add(topic, type_name, message, self.get_clock().now().nanoseconds)
        self.count += 1


def record_live(recording, stopped):
    """Draw what is published until `stopped()`; rclpy must be initialised."""
    from rclpy.executors import SingleThreadedExecutor

    node = ViewerNode(recording)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        while not stopped():
            executor.spin_once(timeout_sec=_LOOK_PERIOD_S / 5)
    finally:
        executor.shutdown()
        node.destroy_node()
    return node.count
