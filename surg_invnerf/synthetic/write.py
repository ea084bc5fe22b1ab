"""Any clip as a folder of images or as a bag, in the layouts that this package reads."""

import json
from pathlib import Path

import cv2
import numpy as np
import yaml

from surg_invnerf.kinematics import PRESETS
from surg_invnerf.synthetic.truth_clouds import truth_clouds
from surgical_perception import bag_messages
from surgical_perception.bags import BagWriter
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3

LEFT_IMAGE, RIGHT_IMAGE = '/endoscope/left/image_rect', '/endoscope/right/image_rect'
LEFT_INFO, RIGHT_INFO = '/endoscope/left/camera_info', '/endoscope/right/camera_info'
MEASURED_CP, TF, TF_STATIC = '/endoscope/measured_cp', '/tf', '/tf_static'
TRUTH = '/truth/tracks'
BASE_FRAME = 'base'
LEFT_FRAME, RIGHT_FRAME = 'endoscope_left_optical', 'endoscope_right_optical'
# How a bag says where the camera is; the last for robots whose driver gives both.
POSE_TOPICS = {'none': (), 'tf': (TF,), 'crtk': (MEASURED_CP,), 'both': (TF, MEASURED_CP)}

_IMAGE, _INFO = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CameraInfo'
_TYPES = {
    LEFT_IMAGE: _IMAGE,
    RIGHT_IMAGE: _IMAGE,
    LEFT_INFO: _INFO,
    RIGHT_INFO: _INFO,
    MEASURED_CP: 'geometry_msgs/msg/PoseStamped',
    TF: 'tf2_msgs/msg/TFMessage',
    TF_STATIC: 'tf2_msgs/msg/TFMessage',
    TRUTH: 'sensor_msgs/msg/PointCloud2',
}


def write_folder(clip, directory):
    """
    Write a Clip as left/NNNNNN.png, right/, calib.yaml, and poses.json and tool_masks/ if given.

    The directory must not hold frames yet.  Raises InputError where it does, where it cannot be
    written, and where only some frames have a pose or a mask.
    """
    directory = Path(directory)
    if any(directory.glob('left/*')):
        raise InputError(f'{directory}: holds frames already: choose another directory')
    poses, masks, count = [], 0, 0
    for frame in clip.frames():
        name = f'{count:06d}.png'
        _write_image(directory / 'left' / name, frame.left)
        _write_image(directory / 'right' / name, frame.right)
        if frame.tool is not None:
            _write_image(directory / 'tool_masks' / name, 255 * frame.tool.astype(np.uint8))
            masks += 1
        if frame.world_from_camera is not None:
            poses.append(frame.world_from_camera.tolist())
        count += 1
    for what, given in (('pose', len(poses)), ('tool mask', masks)):
        if given not in (0, count):
            raise InputError(f'{clip.name}: {given} of {count} frames have a {what}')
    if poses:
        _write_text(directory / 'poses.json', json.dumps({'world_from_camera': poses}))
    calibration = yaml.safe_dump(_calibration(clip), sort_keys=False)
    _write_text(directory / 'calib.yaml', calibration)


def write_bag(clip, path, poses='both', preset='ros', truth=True, storage='mcap'):
    """
    Write a Clip as the recording of a stereo endoscope on a robot.

    poses       one of POSE_TOPICS: which topics say world_from_camera; frames without a pose
                leave a gap
    preset      convention of measured_cp, of `kinematics.PRESETS`
    truth       whether a clip that has a `truth` also writes it: TRUTH holds one cloud per frame
                of the tracks of a grid on frame 0
    storage     'mcap' or 'sqlite3'

    Raises InputError for other words, and where the bag cannot be written.
    """
    if poses not in POSE_TOPICS:
        raise InputError(f'poses is {poses!r}, expected one of {", ".join(POSE_TOPICS)}')
    if preset not in PRESETS:
        raise InputError(f'preset is {preset!r}, expected one of {", ".join(PRESETS)}')
    clouds = truth_clouds(clip.truth) if truth and hasattr(clip, 'truth') else None
    with BagWriter(path, storage) as bag:
        for topic in (
            LEFT_IMAGE,
            RIGHT_IMAGE,
            LEFT_INFO,
            RIGHT_INFO,
            *([TRUTH] if clouds else []),
        ):
            bag.add_topic(topic, _TYPES[topic])
        bag.add_topic(TF_STATIC, _TYPES[TF_STATIC], transient_local=True)
        posed = False
        for number, frame in enumerate(clip.frames()):
            if number == 0:
                bag.write(TF_STATIC, frame.stamp_ns, _eyes(clip.camera, frame.stamp_ns))
            if frame.world_from_camera is not None:
                # An empty topic of poses would promise what never comes.
                for topic in () if posed else POSE_TOPICS[poses]:
                    bag.add_topic(topic, _TYPES[topic])
                posed = True
                _write_pose(bag, frame, POSE_TOPICS[poses], preset)
            if clouds:
                message = bag_messages.cloud(frame.stamp_ns, LEFT_FRAME, clouds[frame.index])
                bag.write(TRUTH, frame.stamp_ns, message)
            _write_pair(bag, clip.camera, frame)


def _write_pose(bag, frame, topics, preset):
    """Write the pose of a frame, before its images: who reads in order has it with them."""
    stamp_ns, pose = frame.stamp_ns, frame.world_from_camera
    if TF in topics:
        bag.write(TF, stamp_ns, bag_messages.tf(stamp_ns, BASE_FRAME, LEFT_FRAME, pose))
    if MEASURED_CP in topics:
        published = pose @ se3.inverse(PRESETS[preset])
        message = bag_messages.pose_stamped(stamp_ns, BASE_FRAME, published)
        bag.write(MEASURED_CP, stamp_ns, message)


def _write_pair(bag, camera, frame):
    stamp_ns = frame.stamp_ns
    left, right = camera.left, camera.right
    info = bag_messages.camera_info
    bag.write(LEFT_INFO, stamp_ns, info(stamp_ns, LEFT_FRAME, left))
    bag.write(RIGHT_INFO, stamp_ns, info(stamp_ns, RIGHT_FRAME, right, camera.baseline_m))
    for topic, frame_id, pixels in (
        (LEFT_IMAGE, LEFT_FRAME, frame.left),
        (RIGHT_IMAGE, RIGHT_FRAME, frame.right),
    ):
        bag.write(topic, stamp_ns, bag_messages.image(stamp_ns, frame_id, pixels, 'rgb8'))


def _eyes(camera, stamp_ns):
    """Return the static transform from the left to the right eye."""
    left_from_right = se3.from_rotation_translation(np.eye(3), [camera.baseline_m, 0, 0])
    return bag_messages.tf(stamp_ns, LEFT_FRAME, RIGHT_FRAME, left_from_right)


def _calibration(clip):
    camera = clip.camera.left
    keys = {name: getattr(camera, name) for name in ('width', 'height', 'fx', 'fy', 'cx', 'cy')}
    keys |= {'baseline_m': clip.camera.baseline_m, 'fps': clip.fps}
    if clip.camera.right_cx is not None:
        keys['right_cx'] = clip.camera.right_cx
    return {name: float(value) if value % 1 else int(value) for name, value in keys.items()}


def _write_image(path, pixels):
    """Write an image [H, W] or [H, W, 3] (RGB) as PNG."""
    encoded = cv2.imencode('.png', pixels if pixels.ndim == 2 else pixels[..., ::-1])[1]
    _write_bytes(path, encoded.tobytes())


def _write_text(path, text):
    _write_bytes(path, text.encode())


def _write_bytes(path, content):
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f'{path}: cannot be written: {error.strerror}') from None
