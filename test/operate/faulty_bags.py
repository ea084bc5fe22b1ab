"""Small bags of a C-arm and of a stereo endoscope, with one fault each where one is asked for."""

from dataclasses import dataclass, replace

import numpy as np

from surgical_perception import bag_messages
from surgical_perception.bags import BagWriter, message_class
from surgical_perception.geometry.camera import PinholeCamera

START_NS = 1_700_000_000_000_000_000
S = 1_000_000_000
SHOTS = 6

IMAGE, INFO = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CameraInfo'
TF_MESSAGE = 'tf2_msgs/msg/TFMessage'
POSE = 'geometry_msgs/msg/PoseWithCovarianceStamped'
CARM = PinholeCamera.from_carm(64, 64, 1000.0, 4.0)
EYE = PinholeCamera(64, 48, 80.0, 80.0, 31.5, 23.5)


@dataclass
class Item:
    """A message on its way into a bag."""

    topic: str
    kind: str
    bag_ns: int
    message: object
    reliable: bool = True


def restamped(item, offset_ns):
    """Return an Item whose header is that much later."""
    head = item.message.header
    stamp_ns = head.stamp.sec * S + head.stamp.nanosec + offset_ns
    header = bag_messages.header(stamp_ns, head.frame_id)
    return replace(item, message=replace(item.message, header=header))


def with_header(item, stamp_ns=None, frame=None):
    """Return an Item with another stamp or frame."""
    head = item.message.header
    stamp_ns = head.stamp.sec * S + head.stamp.nanosec if stamp_ns is None else stamp_ns
    header = bag_messages.header(stamp_ns, head.frame_id if frame is None else frame)
    return replace(item, message=replace(item.message, header=header))


def carm_items(shots=SHOTS, period_s=1.0):
    """Return the Items of a tracked C-arm: X-rays, camera_info, TF at 20 Hz and a start pose."""
    items, pose = [], np.eye(4)
    for i in range(int((shots + 1) * period_s * 20)):
        at = START_NS + i * S // 20
        pose[0, 3] = 0.4 + 1e-3 * i
        items.append(
            Item('/tf', TF_MESSAGE, at, bag_messages.tf(at, 'patient', 'carm', pose.copy()))
        )
    for i in range(shots):
        at = START_NS + int((i + 0.525) * period_s * S)
        counts = np.full((64, 64), 30000, np.uint16)
        counts[20:40, 20:40] = 9000
        items.append(
            Item('/carm/image_rect', IMAGE, at, bag_messages.image(at, 'carm', counts, 'mono16'))
        )
        items.append(
            Item('/carm/camera_info', INFO, at, bag_messages.camera_info(at, 'carm', CARM))
        )
    start = bag_messages.make(
        'geometry_msgs/msg/PoseWithCovariance',
        pose=bag_messages.pose(np.eye(4)),
        covariance=np.zeros(36),
    )
    header = bag_messages.header(START_NS, 'patient')
    message = bag_messages.make(POSE, header=header, pose=start)
    return [*items, Item('/initial_pose', POSE, START_NS, message)]


def stereo_items(pairs=SHOTS, baseline_m=0.0045):
    """Return the Items of a stereo endoscope on a robot: images, camera_info, TF."""
    items = []
    for i in range(pairs):
        at = START_NS + i * S // 10
        for eye, shift_m in (('left', 0.0), ('right', baseline_m)):
            frame = f'endoscope_{eye}_optical'
            pixels = np.full((48, 64, 3), 80 + i, np.uint8)
            image = bag_messages.image(at, frame, pixels, 'rgb8')
            items.append(Item(f'/endoscope/{eye}/image_rect', IMAGE, at, image))
            info = bag_messages.camera_info(at, frame, EYE, shift_m)
            items.append(Item(f'/endoscope/{eye}/camera_info', INFO, at, info))
        pose = np.eye(4)
        pose[2, 3] = 0.1 + 1e-3 * i
        moving = bag_messages.tf(at, 'base', 'endoscope_left_optical', pose)
        items.append(Item('/tf', TF_MESSAGE, at, moving))
    return items


def write(path, items, storage='mcap'):
    """Write the Items as a bag, in the order of their times; return its path."""
    with BagWriter(path, storage) as bag:
        for topic, kind, reliable in {
            i.topic: (i.topic, i.kind, i.reliable) for i in items
        }.values():
            bag.add_topic(topic, kind, reliable)
        for item in sorted(items, key=lambda item: item.bag_ns):
            bag.write(item.topic, item.bag_ns, item.message)
    return path


def text_item(topic='/notes'):
    """Return an Item that no node takes."""
    message = message_class('std_msgs/msg/String')(data='hello')
    return Item(topic, 'std_msgs/msg/String', START_NS, message)
