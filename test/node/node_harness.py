"""The registration node with a fake pipeline, and a peer that sends what a C-arm sends."""

import functools
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseWithCovarianceStamped
from ros_harness import HarnessPeer, running_node
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.images import fill_image_message
from surgical_perception.ros import qos, stamps
from xray_registration.node import XrayRegistrationNode
from xray_registration.registration import Cancelled
from xray_registration.result import Result, SolverStatus, Verdict

NODE = '/xray_registration_node'
CAMERA = PinholeCamera(64, 48, 300.0, 300.0, 31.5, 23.5)
CARM_FROM_CT = se3.from_rotation_translation(np.diag([1.0, -1.0, -1.0]), [0.01, 0.02, 0.75])


class FakePipeline:
    """RegistrationPipeline's interface with a result that the test chooses."""

    ct = SimpleNamespace(sha256='0' * 64)

    def __init__(self, verdict=Verdict.OK, reason=''):
        self.verdict, self.reason = verdict, reason
        self.calls = []  # (views, start)
        self.tracked = 0
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

    def track(self, views, predicted, cancelled=None):
        self.tracked += 1
        return self.register(views, predicted, cancelled)

    def overlay(self, view, reference_from_ct):
        self.drawn.append('overlay')
        return np.zeros((*view.image.shape, 3), np.uint8)

    def drr(self, camera, carm_from_ct):
        self.drawn.append('drr')
        return np.ones((camera.height, camera.width), np.float32)

    def surface(self):
        return np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32)


class Peer(HarnessPeer):
    """Sends what a C-arm sends and collects what the node says."""

    def __init__(self, context):
        super().__init__(context, 'xray_registration_node')
        self.image = self.create_publisher(Image, 'image_rect', qos.SENSOR)
        self.info = self.create_publisher(CameraInfo, 'camera_info', qos.SENSOR)
        self.start = self.create_publisher(PoseWithCovarianceStamped, 'initial_pose', 1)
        self.poses = self.collect(PoseWithCovarianceStamped, f'{NODE}/pose')
        self.statuses = self.collect(DiagnosticStatus, f'{NODE}/status')
        self.transforms = []  # of the ct, from /tf
        self.create_subscription(TFMessage, '/tf', self._on_tf, 100)

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


@contextmanager
def running(pipeline=None, make_pipeline=None, connect=True, **parameters):
    """Run a node with a FakePipeline (or what `make_pipeline` returns); `__` stands for a dot."""
    pipeline = pipeline or FakePipeline()
    make_node = functools.partial(
        XrayRegistrationNode, make_pipeline or (lambda _parameters: pipeline)
    )
    with running_node(make_node, Peer, connect, **parameters) as harness:
        harness.pipeline = pipeline
        yield harness


def held_pipeline(**kwargs):
    """Return a FakePipeline that computes until its `hold` is set."""
    pipeline = FakePipeline(**kwargs)
    pipeline.hold = threading.Event()
    return pipeline
