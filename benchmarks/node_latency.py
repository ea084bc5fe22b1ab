"""
What the node adds to the computation: from the arrival of an image to TF, minus the registration.

    python benchmarks/node_latency.py [--images 200] [--size 1024] [--rate 10]

The real executable runs in a process of its own with a pipeline that computes for a set time, so
that what is measured is DDS, conversion, threads and publishing, and no registration.  Times are
of one clock: the image is stamped when it is handed to DDS, the TF when it is received.
"""

import argparse
import os
import subprocess
import sys
import time
from types import SimpleNamespace

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ.setdefault('ROS_DOMAIN_ID', str(os.getpid() % 100 + 1))

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.images import fill_image_message
from surgical_perception.ros import qos, stamps
from surgical_perception.ros.transforms import TransformBroadcaster
from surgical_perception.runtime.environment import node_environment
from xray_registration.node import XrayRegistrationNode
from xray_registration.result import Result, SolverStatus, Verdict

GOAL_MS = 20.0
COMPUTE_S = 0.05
TIMEOUT_S = 60.0


class TimedPipeline:
    """Computes for COMPUTE_S without the interpreter lock, as the kernels do."""

    ct = SimpleNamespace(sha256='')

    def register(self, views, start=None, cancelled=None):
        began = time.perf_counter()
        time.sleep(COMPUTE_S)
        return Result(
            reference_from_ct=se3.inverse(views[0].camera_from_reference),
            covariance=np.eye(6),
            sigma_mm=np.ones(3),
            verdict=Verdict.OK,
            reason='',
            similarity=1.0,
            status=SolverStatus.CONVERGED,
            iterations=1,
            starts=1,
            time_s=time.perf_counter() - began,
        )

    def track(self, views, predicted, cancelled=None):
        return self.register(views, predicted, cancelled)

    def surface(self):
        return np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32)


def serve():
    """Run the node with the timed pipeline: the other process."""
    from surgical_perception.ros.running import run

    run(lambda: XrayRegistrationNode(lambda _parameters: TimedPipeline()))


class Client:
    """Sends images of a tracked C-arm one after the other and notes when their TF comes."""

    def __init__(self, size):
        self.node = rclpy.create_node('latency_client')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._tf = TransformBroadcaster(self.node)
        self._image = self.node.create_publisher(Image, 'image_rect', qos.SENSOR)
        self._info = self.node.create_publisher(CameraInfo, 'camera_info', qos.SENSOR)
        self._arrived_s, self._status = {}, {}
        self.node.create_subscription(TFMessage, '/tf', self._on_tf, 100)
        status = '/xray_registration_node/status'
        self.node.create_subscription(DiagnosticStatus, status, self._on_status, 10)
        camera = PinholeCamera.from_carm(size, size, 1020.0, 300.0 / size)
        rng = np.random.default_rng(0)
        pixels = rng.integers(100, 60000, (size, size)).astype(np.uint16)
        self._image_message = fill_image_message(Image(), pixels, 'mono16')
        self._info_message = CameraInfo(width=size, height=size, k=camera.matrix.ravel().tolist())
        for message in (self._image_message, self._info_message):
            message.header.frame_id = 'carm'
        self._wait(
            lambda: self._image.get_subscription_count() and self.node.count_publishers(status)
        )
        self._wait(lambda: self.node.count_subscribers('/tf') > 1)

    def _on_tf(self, message):
        for transform in message.transforms:
            if transform.child_frame_id == 'ct':
                stamp_ns = stamps.to_ns(transform.header.stamp)
                self._arrived_s.setdefault(stamp_ns, time.perf_counter())

    def _on_status(self, message):
        found = {item.key: item.value for item in message.values}
        self._status[found['image_stamp']] = found

    def _wait(self, condition, timeout_s=TIMEOUT_S):
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError
            self._executor.spin_once(timeout_sec=0.01)

    def warm_up(self):
        """
        Send images until one comes through: the first are lost.

        A best-effort publisher may know its subscriber before that one knows it.
        """
        for _ in range(int(TIMEOUT_S)):
            try:
                self.measure(timeout_s=1.0)
            except TimeoutError:
                continue
            return
        raise SystemExit('the node does not answer')

    def measure(self, timeout_s=TIMEOUT_S):
        """Send one image; return latencies to TF and inside the node, ms without computing."""
        stamp_ns = self.node.get_clock().now().nanoseconds
        self._tf.send('patient', 'carm', stamp_ns, np.eye(4))
        for message in (self._info_message, self._image_message):
            stamps.fill(message.header.stamp, stamp_ns)
        self._info.publish(self._info_message)
        sent_s = time.perf_counter()
        self._image.publish(self._image_message)
        text = stamps.text(stamp_ns)
        self._wait(lambda: stamp_ns in self._arrived_s and text in self._status, timeout_s)
        compute_s = float(self._status[text]['time_s'])
        inside_s = float(self._status[text]['latency_s'])
        outside_s = self._arrived_s[stamp_ns] - sent_s
        return 1e3 * (outside_s - compute_s), 1e3 * (inside_s - compute_s)

    def pause(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.01)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--images', type=int, default=200)
    parser.add_argument('--size', type=int, default=1024, help='side of the image in pixels')
    parser.add_argument('--rate', type=float, default=10.0, help='images per second, at most')
    parser.add_argument('--serve', action='store_true', help=argparse.SUPPRESS)
    options, ros_arguments = parser.parse_known_args()
    if options.serve:
        serve()
        return 0
    command = [sys.executable, __file__, '--serve', *ros_arguments]
    # The search for metal and shutters is computing, and its time is that of benchmarks/masks.py.
    parameters = ['--ros-args', '-p', 'reference_frame:=patient', '-p', 'masks.automatic:=false']
    os.environ.update(node_environment())
    process = subprocess.Popen(command + parameters)
    rclpy.init()
    try:
        client = Client(options.size)
        client.warm_up()
        rows = []
        for _ in range(options.images):
            rows.append(client.measure())
            client.pause(max(0.0, 1 / options.rate - COMPUTE_S))
    finally:
        process.terminate()
        process.wait()
        client.node.destroy_node()
        rclpy.try_shutdown()
    columns = np.array(rows).T
    print(
        f'\n{options.images} images of {options.size}x{options.size} mono16, ms without computing'
    )
    print(f'{"":34}{"median":>8}{"p95":>8}{"p99":>8}{"max":>8}')
    for name, column in zip(
        ('image published -> TF received', 'image arrived -> sent'), columns, strict=True
    ):
        figures = [*np.percentile(column, [50, 95, 99]), column.max()]
        print(f'{name:34}' + ''.join(f'{figure:8.2f}' for figure in figures))
    p95 = float(np.percentile(columns[0], 95))
    print(f'p95 {p95:.2f} ms, goal {GOAL_MS:g} ms: {"reached" if p95 <= GOAL_MS else "MISSED"}')
    return 0 if p95 <= GOAL_MS else 1


if __name__ == '__main__':
    sys.exit(main())
