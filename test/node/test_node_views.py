"""Several views in one shot, and what the node imports."""

import subprocess
import sys

import numpy as np
import pytest
from node_harness import CAMERA, CARM_FROM_CT, NODE, running
from ros_harness import values
from sensor_msgs.msg import CameraInfo, Image

from surgical_perception.geometry import se3
from surgical_perception.images import fill_image_message
from surgical_perception.ros import qos, stamps
from surgical_perception.ros.validation import validate_pose

FRONTAL_FROM_LATERAL = se3.exp([0.5, 0.1, 0.7, 0.0, 1.5, 0.1])
TWO = {'views': ['frontal', 'lateral']}
STAMP_NS = 1_700_000_000_000_000_000


class Biplane:
    """Publishers of two views."""

    def __init__(self, harness):
        peer = harness.peer
        self.publishers = {
            view: (
                peer.create_publisher(Image, f'{view}/image_rect', qos.SENSOR),
                peer.create_publisher(CameraInfo, f'{view}/camera_info', qos.SENSOR),
            )
            for view in TWO['views']
        }
        harness.connected()

    def shoot(self, view, stamp_ns, frame):
        pixels = np.random.default_rng(0).integers(100, 60000, (48, 64)).astype(np.uint16)
        info = CameraInfo(width=CAMERA.width, height=CAMERA.height)
        info.k = CAMERA.matrix.ravel().tolist()
        messages = fill_image_message(Image(), pixels, 'mono16'), info
        for publisher, message in zip(self.publishers[view], messages, strict=True):
            message.header.frame_id = frame
            stamps.fill(message.header.stamp, stamp_ns)
            publisher.publish(message)


def test_two_views_make_one_shot_in_the_frame_of_the_first():
    with running(connect=False, **TWO) as h:
        biplane = Biplane(h)
        overlays = h.peer.collect(Image, f'{NODE}/lateral/overlay', 1)
        h.wait(lambda: h.peer.count_publishers(f'{NODE}/lateral/overlay'))
        h.wait(lambda: h.node.count_subscribers(f'{NODE}/lateral/overlay'))
        h.peer.broadcaster.send_static(
            [('frontal_optical', 'lateral_optical', FRONTAL_FROM_LATERAL)]
        )
        biplane.shoot('frontal', STAMP_NS, 'frontal_optical')
        biplane.shoot('lateral', STAMP_NS, 'lateral_optical')
        h.wait(lambda: h.peer.poses and overlays)
        (views, _), *_ = h.pipeline.calls
        np.testing.assert_array_equal(views[0].camera_from_reference, np.eye(4))
        np.testing.assert_allclose(
            views[1].camera_from_reference, se3.inverse(FRONTAL_FROM_LATERAL), atol=1e-12
        )
        pose = h.peer.poses[0]
        assert pose.header.frame_id == 'frontal_optical'
        np.testing.assert_allclose(validate_pose(pose.pose.pose), CARM_FROM_CT, atol=1e-12)
        assert overlays[0].header.frame_id == 'lateral_optical'


@pytest.mark.parametrize(('tolerance_s', 'comes'), [(0.0, False), (20.0, True)])
def test_views_are_matched_within_the_tolerance(tolerance_s, comes):
    tracked = {'reference_frame': 'patient', 'input__sync_tolerance_s': tolerance_s}
    with running(connect=False, **TWO, **tracked) as h:
        biplane = Biplane(h)
        late_ns = STAMP_NS + 5 * stamps.NS_PER_S
        for stamp_ns in (STAMP_NS, late_ns):  # one C-arm that moves between two shots
            h.peer.broadcaster.send('patient', 'carm', stamp_ns, se3.exp([stamp_ns % 7] + [0] * 5))
        biplane.shoot('frontal', STAMP_NS, 'carm')
        biplane.shoot('lateral', late_ns, 'carm')
        if comes:
            h.wait(lambda: h.peer.statuses)
            assert len(h.pipeline.calls[0][0]) == 2
        else:
            h.wait(lambda: 'raise input.sync_tolerance_s' in ''.join(h.node.inputs.causes()))
            assert not h.pipeline.calls


def test_one_moving_camera_without_a_reference_is_refused():
    with running(connect=False, **TWO) as h:
        biplane = Biplane(h)
        for view in TWO['views']:
            biplane.shoot(view, STAMP_NS, 'carm')
        h.wait(lambda: h.peer.statuses)
        assert 'set reference_frame' in values(h.peer.statuses[0])['reason']


@pytest.mark.parametrize(
    'module',
    ['xray_registration.pipeline', 'xray_registration.parameters', 'xray_registration.shot'],
)
def test_core_imports_no_ros(module):
    check = f'import sys, {module}; sys.exit("rclpy" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', check]).returncode == 0
