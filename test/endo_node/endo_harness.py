"""The live node with a fake pipeline, and a peer that sends what a stereo endoscope sends."""

import functools
import threading
from contextlib import contextmanager

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PointStamped, PoseStamped, PoseWithCovarianceStamped
from ros_harness import HarnessPeer, running_node
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from tf2_msgs.msg import TFMessage

from surg_invnerf.camera import StereoCamera
from surg_invnerf.live.result import FitStatus, LiveResult, State
from surg_invnerf.node import SurgInvnerfNode
from surg_invnerf.surface import Surface
from surg_invnerf.tracks.result import Cause
from surgical_perception.clouds import fill_cloud_message
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.images import fill_image_message
from surgical_perception.ros import qos, stamps

NODE = '/surg_invnerf_node'
LEFT_FRAME, RIGHT_FRAME = 'endoscope_left_optical', 'endoscope_right_optical'
CAMERA = StereoCamera(PinholeCamera(64, 48, 80.0, 80.0, 31.5, 23.5), 0.004)
STAMP_NS = 1_700_000_000_123_456_789
FRAME_NS = 40_000_000
DEPTH_M = 0.08


class FakePipeline:
    """LivePipeline's interface: three points, in a state that the test chooses."""

    def __init__(self, camera, first_id, settings):
        self.camera, self.next_id, self._settings = camera, first_id + 3, settings
        self.ids = np.arange(first_id, first_id + 3)
        self.frames, self.queries, self.points, self.resets = [], [], [], []
        self.closed = False

    def process(self, frame):
        settings = self._settings
        self.frames.append(frame)
        if settings.hold is not None:
            settings.hold.wait(30)
        if settings.error:
            raise settings.error
        camera = self.camera.left
        uv = np.array([[10, 10], [31.5, 23.5], [50, 40]], np.float32)
        depth_m = np.full((camera.height, camera.width), DEPTH_M, np.float32)
        depth_m[0, 0] = np.nan
        covariance = np.array([[1, 2, 3], [2, 4, 5], [3, 5, 6]], np.float32) * 1e-6
        return LiveResult(
            index=frame.index,
            stamp_ns=frame.stamp_ns,
            state=settings.state,
            reason=settings.reason,
            ids=self.ids,
            uv=uv,
            xyz_m=self.camera.unproject(uv, np.full(3, DEPTH_M)).astype(np.float32),
            cause=np.array([Cause.VISIBLE, Cause.VISIBLE, Cause.TOOL], np.uint8),
            confidence=np.array([0.9, 0.8, 0.0], np.float32),
            cov_m2=np.stack([covariance] * 3),
            age_s=np.array([0, 0, settings.hidden_s], np.float32),
            rgb=np.array([[255, 0, 0], [0, 255, 0], [1, 2, 3]], np.uint8),
            depth_m=depth_m,
            sigma_m=np.full_like(depth_m, 1e-4),
            observation=None,
            disagreement_mm=0.25,
            refusals=settings.refusals,
            late=0,
            latency_s=0.01,
            fit=FitStatus(frame=max(frame.index - 1, 0), age_s=0.04, steps=15),
        )

    def add_queries(self, uv):
        self.queries.append(np.asarray(uv))
        return np.arange(len(uv))

    def add_points(self, xyz_m):
        self.points.append(np.asarray(xyz_m))
        return np.arange(len(xyz_m))

    def reset(self, reason):
        self.resets.append(reason)

    def surface(self):
        points = np.array([[0, 0, 0.08], [0.01, 0, 0.08]], np.float32)
        towards = np.array([[0, 0, -1], [0, 0, -1]], np.float32)
        colours = np.array([[255, 128, 0], [0, 0, 255]], np.uint8)
        return Surface(self.frames[-1].index, points, colours, towards, points * 0 + 0.001)

    def save(self, directory):
        if self._settings.save_error:
            raise self._settings.save_error
        directory.mkdir(parents=True)
        (directory / 'surface.ply').touch()
        return directory

    def close(self):
        self.closed = True


class Settings:
    """What FakePipelines do, and those that were made."""

    def __init__(self, state=State.TRACKING, reason=''):
        self.state, self.reason = state, reason
        self.hidden_s = 0.5
        self.refusals = {}
        self.error = self.save_error = None
        self.hold = None  # an Event: a frame lasts until it is set
        self.made = []

    def maker(self, _parameters):
        """Stand for `pipeline_maker`."""

        def make(camera, first_id):
            self.made.append(FakePipeline(camera, first_id, self))
            return self.made[-1]

        return make

    @property
    def frames(self):
        """All StereoFrames that any pipeline was given."""
        return [frame for pipeline in self.made for frame in pipeline.frames]


class Peer(HarnessPeer):
    """Sends what an endoscope and its robot send, and collects what the node says."""

    def __init__(self, context):
        super().__init__(context, 'surg_invnerf_node')
        self.images, self.infos = {}, {}
        for eye in ('left', 'right'):
            self.images[eye] = self.create_publisher(Image, f'{eye}/image_rect', qos.SENSOR)
            self.infos[eye] = self.create_publisher(CameraInfo, f'{eye}/camera_info', qos.SENSOR)
        self.queries = self.create_publisher(PointCloud2, 'query_points', qos.RESULTS)
        self.clicks = self.create_publisher(PointStamped, 'clicked_point', qos.RESULTS)
        self.masks = self.create_publisher(Image, 'tool_mask', qos.SENSOR)
        self.robot = self.create_publisher(PoseStamped, 'measured_cp', qos.SENSOR)
        self.tracks = self.collect(PointCloud2, f'{NODE}/tracks')
        self.statuses = self.collect(DiagnosticStatus, f'{NODE}/status')
        self.poses = self.collect(PoseWithCovarianceStamped, f'{NODE}/camera_pose')
        self.transforms = []
        self.create_subscription(TFMessage, '/tf', self._on_tf, 100)

    def _on_tf(self, message):
        self.transforms += message.transforms

    @property
    def said(self):
        """The newest text of ~/status, '' before the first."""
        return self.statuses[-1].message if self.statuses else ''

    def shoot(self, stamp_ns, camera=CAMERA, **changes):
        """Publish both eyes with their camera_info; `changes` go to `send_eye`."""
        for eye in ('left', 'right'):
            self.send_eye(eye, stamp_ns, camera, **changes)

    def send_eye(
        self, eye, stamp_ns, camera=CAMERA, pixels=None, encoding='bgr8', frame=None, swap=False,
        size=None,
    ):  # fmt: skip
        """Publish one eye; with `swap`, the camera_info of the other one."""
        if pixels is None:
            shape = (camera.left.height, camera.left.width, 3)
            pixels = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
        image = fill_image_message(Image(), pixels, encoding)
        of = {'left': 'right', 'right': 'left'}[eye] if swap else eye
        info = camera_info(camera, of)
        if size:
            info.width, info.height = size
        if frame is None:
            frame = {'left': LEFT_FRAME, 'right': RIGHT_FRAME}[eye]
        for message in (image, info):
            message.header.frame_id = frame
            stamps.fill(message.header.stamp, stamp_ns)
        self.infos[eye].publish(info)
        self.images[eye].publish(image)

    def ask(self, uv, names=('u', 'v')):
        """Publish query points [N, 2]."""
        points = np.zeros(len(uv), [(name, 'f4') for name in names])
        for name, column in zip(names, np.asarray(uv, float).reshape(-1, 2).T, strict=True):
            points[name] = column
        self.queries.publish(fill_cloud_message(PointCloud2(), points))

    def mask(self, stamp_ns, pixels, encoding='mono8'):
        """Publish a tool mask."""
        message = fill_image_message(Image(), pixels, encoding)
        message.header.frame_id = LEFT_FRAME
        stamps.fill(message.header.stamp, stamp_ns)
        self.masks.publish(message)


def camera_info(camera, eye):
    """Return the CameraInfo of one eye of a StereoCamera, as image_pipeline has it."""
    left = camera.left
    info = CameraInfo(width=left.width, height=left.height)
    info.k = left.matrix.ravel().tolist()
    projection = np.hstack([left.matrix, np.zeros((3, 1))])
    if eye == 'right':
        projection[0, 3] = -left.fx * camera.baseline_m
    info.p = projection.ravel().tolist()
    return info


@contextmanager
def running(settings=None, make_pipeline=None, connect=True, **parameters):
    """Run the node with FakePipelines (or what `make_pipeline` makes); `__` stands for a dot."""
    settings = settings or Settings()
    make_node = functools.partial(SurgInvnerfNode, make_pipeline or settings.maker)
    with running_node(make_node, Peer, connect, **parameters) as harness:
        harness.settings = settings
        yield harness


def held():
    """Return Settings whose pipeline is busy with each frame until `hold` is set."""
    settings = Settings()
    settings.hold = threading.Event()
    return settings


def shoot_until(harness, condition, begin_ns=STAMP_NS, **changes):
    """Send pairs, one after the other was taken, until `condition()` holds; return the stamp."""
    stamp_ns = begin_ns
    while not condition():
        count = len(harness.peer.statuses)
        harness.peer.shoot(stamp_ns, **changes)
        harness.wait(lambda count=count: len(harness.peer.statuses) > count or condition())
        stamp_ns += FRAME_NS
    return stamp_ns
