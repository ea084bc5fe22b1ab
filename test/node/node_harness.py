"""A node under test and a peer that talks to it over real DDS, spun by the test's thread."""

import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.images import fill_image_message
from surgical_perception.ros import qos, stamps
from surgical_perception.ros.transforms import TransformBroadcaster
from xray_registration.node import XrayRegistrationNode
from xray_registration.registration import Cancelled
from xray_registration.result import Result, SolverStatus, Verdict

TIMEOUT_S = 10.0
NODE = '/xray_registration_node'
CAMERA = PinholeCamera(64, 48, 300.0, 300.0, 31.5, 23.5)
CARM_FROM_CT = se3.from_rotation_translation(np.diag([1.0, -1.0, -1.0]), [0.01, 0.02, 0.75])


class FakePipeline:
    """RegistrationPipeline's interface with a result that the test chooses."""

    ct = SimpleNamespace(sha256='0' * 64)

    def __init__(self, verdict=Verdict.OK, reason=''):
        self.verdict, self.reason = verdict, reason
        self.calls = []  # (views, start)
        self.error = None
        self.hold = None  # an Event: the computation lasts until it is set or cancelled
        self.drawn = []

    def register(self, views, start=None, cancelled=None):
        self.calls.append((views, start))
        while self.hold is not None and not self.hold.wait(0.005):
            if cancelled():
                raise Cancelled
        if self.error:
            raise self.error
        return Result(
            reference_from_ct=se3.inverse(views[0].camera_from_reference) @ CARM_FROM_CT,
            covariance=np.diag([1.0, 2, 3, 4, 5, 6]) * 1e-6,
            sigma_mm=np.array([0.1, 0.2, 1.5]),
            verdict=self.verdict,
            reason=self.reason,
            similarity=0.9,
            status=SolverStatus.CONVERGED,
            iterations=12,
            starts=1,
            time_s=0.01,
        )

    def overlay(self, view, reference_from_ct):
        self.drawn.append('overlay')
        return np.zeros((*view.image.shape, 3), np.uint8)

    def drr(self, camera, carm_from_ct):
        self.drawn.append('drr')
        return np.ones((camera.height, camera.width), np.float32)

    def surface(self):
        return np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32)


class Peer(Node):
    """Sends what a C-arm sends and collects what the node says."""

    def __init__(self, context):
        super().__init__('peer', context=context)
        self.broadcaster = TransformBroadcaster(self)
        self.image = self.create_publisher(Image, 'image_rect', qos.SENSOR)
        self.info = self.create_publisher(CameraInfo, 'camera_info', qos.SENSOR)
        self.start = self.create_publisher(PoseWithCovarianceStamped, 'initial_pose', 1)
        self.clock = self.create_publisher(Clock, '/clock', 10)
        self.poses = self.collect(PoseWithCovarianceStamped, f'{NODE}/pose')
        self.statuses = self.collect(DiagnosticStatus, f'{NODE}/status')
        self.diagnostics = self.collect(DiagnosticArray, '/diagnostics')
        self.transforms = []  # of the ct, from /tf
        self.create_subscription(TFMessage, '/tf', self._on_tf, 100)

    def collect(self, message_type, topic, profile=10):
        """Return a list that fills with what arrives on a topic."""
        received = []
        self.create_subscription(message_type, topic, received.append, profile)
        return received

    def _on_tf(self, message):
        self.transforms += [t for t in message.transforms if t.child_frame_id == 'ct']

    def shoot(self, stamp_ns, pixels=None, camera=CAMERA, frame='carm', encoding='mono16'):
        """Publish an image with its camera_info."""
        if pixels is None:
            pixels = np.random.default_rng(0).integers(100, 60000, (48, 64)).astype(np.uint16)
        image = fill_image_message(Image(), pixels, encoding)
        info = CameraInfo(width=camera.width, height=camera.height)
        info.k = camera.matrix.ravel().tolist()
        for message in (image, info):
            message.header.frame_id = frame
            stamps.fill(message.header.stamp, stamp_ns)
        self.info.publish(info)
        self.image.publish(image)

    def report(self, part):
        """Return the newest diagnostics of one part as (level, message)."""
        for message in reversed(self.diagnostics):
            for status in message.status:
                if status.name == f'xray_registration_node: {part}':
                    return status.level, status.message
        return None, ''


class Harness:
    """The node, its peer, and waiting for conditions."""

    def __init__(self, context, pipeline, parameters, make_pipeline=None):
        self.pipeline = pipeline
        self.node = XrayRegistrationNode(
            make_pipeline or (lambda _parameters: pipeline),
            context=context,
            parameter_overrides=[
                Parameter(name.replace('__', '.'), value=value)
                for name, value in parameters.items()
            ],
        )
        self.peer = Peer(context)
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
        self.wait(client.service_is_ready)
        future = client.call_async(request or service_type.Request())
        self.wait(future.done)
        return future.result()

    def destroy(self):
        for node in (self.node, self.peer):
            self.executor.remove_node(node)
            node.destroy_node()
        self.executor.shutdown()


@contextmanager
def running(pipeline=None, make_pipeline=None, connect=True, **parameters):
    """Run a node with a FakePipeline (or what `make_pipeline` returns); `__` stands for a dot."""
    context = Context()
    rclpy.init(context=context)
    harness = None
    try:
        harness = Harness(context, pipeline or FakePipeline(), parameters, make_pipeline)
        yield harness.connected() if connect else harness
    finally:
        if harness:
            harness.destroy()
        rclpy.try_shutdown(context=context)


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


def held_pipeline(**kwargs):
    """Return a FakePipeline that computes until its `hold` is set."""
    pipeline = FakePipeline(**kwargs)
    pipeline.hold = threading.Event()
    return pipeline
