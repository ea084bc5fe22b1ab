"""A small bag with one message of every type that the viewer draws."""

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from rclpy.serialization import serialize_message
from sensor_msgs.msg import PointCloud2
from visualization_msgs.msg import Marker

from surgical_perception import bag_messages
from surgical_perception.bag_messages import make
from surgical_perception.bags import BagWriter
from surgical_perception.clouds import fill_cloud_message, fill_triangle_marker
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.ros import stamps

STAMP_NS = 1_700_000_000_500_000_000
CAMERA = PinholeCamera.from_carm(64, 48, sdd_mm=1000.0, du_mm=4.0)
PATIENT_FROM_CARM = se3.from_rotation_translation(np.diag([1.0, -1.0, -1.0]), [0.0, 0.0, 0.7])
PATIENT_FROM_CT = se3.from_rotation_translation(np.eye(3), [0.01, 0.02, 0.03])
FRAMES = ('patient', 'carm_optical', 'ct')
VERTICES = np.array([[0.0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]])
TRIANGLES = np.array([[0, 1, 2], [0, 1, 3]])


def pose_with_covariance(covariance):
    pose = make(
        'geometry_msgs/msg/PoseWithCovariance',
        pose=bag_messages.pose(PATIENT_FROM_CT),
        covariance=np.asarray(covariance, float).ravel(),
    )
    header = bag_messages.header(STAMP_NS, 'patient')
    return make('geometry_msgs/msg/PoseWithCovarianceStamped', header=header, pose=pose)


def marker():
    empty = Marker()
    empty.header.frame_id = 'ct'
    return fill_triangle_marker(empty, VERTICES, TRIANGLES, (0.9, 0.8, 0.7, 1.0))


def cloud():
    points = np.zeros(5, [('x', 'f4'), ('y', 'f4'), ('z', 'f4'), ('rgb', 'f4')])
    points['z'] = 0.08
    points['rgb'] = np.full(5, 0x00FF8000, np.uint32).view(np.float32)
    filled = fill_cloud_message(PointCloud2(), points)
    filled.header.frame_id = 'carm_optical'
    stamps.fill(filled.header.stamp, STAMP_NS)
    return filled


def status():
    values = [KeyValue(key='similarity', value='0.93'), KeyValue(key='reason', value='none')]
    return DiagnosticStatus(level=b'\x01', message='DEGRADED: x', values=values)


def messages():
    pixels = np.random.default_rng(0).integers(0, 60000, (48, 64)).astype(np.uint16)
    rgb = np.zeros((48, 64, 3), np.uint8)
    covariance = np.diag([1.0, 4.0, 9.0, 1.0, 1.0, 1.0]) * 1e-6
    return {
        '/tf': bag_messages.tf(STAMP_NS, 'patient', 'carm_optical', PATIENT_FROM_CARM),
        '/node/tf_of_ct': bag_messages.tf(STAMP_NS, 'patient', 'ct', PATIENT_FROM_CT),
        '/carm/camera_info': bag_messages.camera_info(STAMP_NS, 'carm_optical', CAMERA),
        '/carm/image_rect': bag_messages.image(STAMP_NS, 'carm_optical', pixels, 'mono16'),
        '/node/overlay': bag_messages.image(STAMP_NS, 'carm_optical', rgb, 'rgb8'),
        '/node/pose': pose_with_covariance(covariance),
        '/node/ct_surface': marker(),
        '/node/tracks': cloud(),
        '/node/status': status(),
    }


def write_bag(path):
    """Write the bag; return its path."""
    with BagWriter(path) as bag:
        for topic, message in messages().items():
            if hasattr(message, '__msgtype__'):
                bag.add_topic(topic, message.__msgtype__)
                bag.write(topic, STAMP_NS, message)
            else:
                package = type(message).__module__.partition('.')[0]
                bag.add_topic(topic, f'{package}/msg/{type(message).__name__}')
                bag.write(topic, STAMP_NS, serialize_message(message))
    return path
