"""The real node over real DDS and an evaluation of the same bag find the same poses."""

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseWithCovarianceStamped
from ros_harness import HarnessPeer, running_node, values
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage
from xray_runs import PARAMETERS

from surgical_perception.bags import BagReader
from surgical_perception.ros import qos, stamps
from surgical_perception.ros.validation import validate_pose
from xray_registration.demo import bag as demo_bag
from xray_registration.node import XrayRegistrationNode

NODE = '/xray_registration_node'


class Player(HarnessPeer):
    """Publishes the bytes of a bag on the node's inputs, and collects what it says."""

    def __init__(self, context):
        super().__init__(context, 'xray_registration_node')
        self.inputs = {
            demo_bag.IMAGE: self.create_publisher(Image, 'image_rect', qos.SENSOR),
            demo_bag.CAMERA_INFO: self.create_publisher(CameraInfo, 'camera_info', qos.SENSOR),
            demo_bag.INITIAL_POSE: self.create_publisher(
                PoseWithCovarianceStamped, 'initial_pose', 1
            ),
            demo_bag.TF: self.create_publisher(TFMessage, '/tf', 100),
        }
        self.poses = self.collect(PoseWithCovarianceStamped, f'{NODE}/pose')
        self.transforms = self.collect(TFMessage, '/tf', 100)
        self.statuses = self.collect(DiagnosticStatus, f'{NODE}/status')

    def status_at(self, stamp_ns):
        """Return the values of the status of an image's stamp, or None."""
        found = (values(status) for status in self.statuses)
        stamp = stamps.text(stamp_ns)
        return next((status for status in found if status['image_stamp'] == stamp), None)


def play(harness, bag_path):
    """Play a bag without its pauses; the next shot waits until the last was answered."""
    waiting = None
    with BagReader(bag_path) as bag:
        for topic, _, data in bag.raw(list(harness.peer.inputs)):
            if topic != demo_bag.TF and waiting:
                harness.wait(lambda stamp_ns=waiting: harness.peer.status_at(stamp_ns))
                waiting = None
            harness.peer.inputs[topic].publish(data)
            harness.executor.spin_once(timeout_sec=0.01)
            if topic == demo_bag.INITIAL_POSE:
                harness.wait(lambda: harness.node._session.given)
            if topic == demo_bag.IMAGE:
                waiting = stamps.to_ns(bag.decoded(topic, data).header.stamp)
    harness.wait(lambda: harness.peer.status_at(waiting))


def test_poses_of_equal_stamps_are_equal(recorded, result):
    parameters = {
        'ct__path': str(recorded.ct),
        **{name.replace('.', '__'): value for name, value in PARAMETERS.items()},
        'tf__timeout_s': 10.0,  # TF is published after the image, as it is recorded
        'tf__max_age_s': 0.0,  # the stamps of the bag are long ago
    }
    with running_node(XrayRegistrationNode, Player, **parameters) as harness:
        play(harness, recorded.bag)
        published = {stamps.to_ns(p.header.stamp): p for p in harness.peer.poses}
        compared = 0
        for shot in result[1]['shots']:
            status = harness.peer.status_at(shot['stamp_ns'])
            assert status['verdict'] == shot['verdict']
            assert status['reason'] == shot['reason']
            assert status['start'] == shot['start']
            assert (shot['stamp_ns'] in published) == (shot['reference_from_ct'] is not None)
            if shot['reference_from_ct'] is None:
                continue
            pose = published[shot['stamp_ns']].pose
            offline = np.reshape(shot['reference_from_ct'], (4, 4))
            np.testing.assert_allclose(validate_pose(pose.pose), offline, rtol=0, atol=1e-6)
            assert float(status['similarity']) == pytest.approx(shot['similarity'], abs=1e-6)
            compared += 1
        assert compared == 3
