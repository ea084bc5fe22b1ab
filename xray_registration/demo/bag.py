"""The demo's input as a rosbag: X-rays, camera_info, tracker, start pose, truth."""

import sys
from pathlib import Path

import numpy as np

from surgical_perception import bags
from surgical_perception.bags import BagWriter, message_class
from surgical_perception.geometry import se3
from surgical_perception.ros import stamps
from surgical_perception.runtime.made_once import key_of, made_once
from xray_registration.simulation import degrade, siddon, trajectory

IMAGE = '/carm/image_rect'
CAMERA_INFO = '/carm/camera_info'
INITIAL_POSE = '/initial_pose'
TRUTH = '/truth/ct_pose'
TF = '/tf'
TOPICS = {
    IMAGE: 'sensor_msgs/msg/Image',
    CAMERA_INFO: 'sensor_msgs/msg/CameraInfo',
    INITIAL_POSE: 'geometry_msgs/msg/PoseWithCovarianceStamped',
    TRUTH: 'geometry_msgs/msg/PoseStamped',
    TF: 'tf2_msgs/msg/TFMessage',
}
PATIENT_FRAME = 'patient'
CARM_FRAME = 'carm_optical'

# After the tracker has begun, and well before the first shot.
_INITIAL_POSE_AFTER_S = 0.5

# Offset and read-out noise of a 16-bit flat panel.
_DARK_COUNTS, _DARK_NOISE = 100.0, 8.0


def cached_bag(folder, ct, scene, config, on_shot):
    """
    Return the path of the demo's bag, made now unless `folder` holds it already.

    The name is a hash of everything that it depends on: CT, settings and the code that simulates.
    `on_shot` is called after each X-ray.  A bag appears under its name only when it is complete.
    Raises InputError where the folder cannot be written.
    """
    modules = (siddon, degrade, trajectory, bags, sys.modules[__name__])
    key = key_of(config, [module.__file__ for module in modules], ct.sha256)
    return made_once(
        Path(folder) / f'demo-{key}', lambda path: write_bag(path, ct, scene, config, on_shot)
    )


def write_bag(path, ct, scene, config, on_shot=lambda: None):
    """Simulate the X-rays of a scene and write everything that the nodes are given, in order."""
    rng = np.random.default_rng(config.seed)
    events = [(pose.stamp_ns, TF, _tracker_message(pose)) for pose in scene.tracker]
    start_ns = scene.start_ns + round(_INITIAL_POSE_AFTER_S * stamps.NS_PER_S)
    events.append((start_ns, INITIAL_POSE, _start_message(start_ns, scene.start)))
    for shot, truth, exposed in zip(scene.shots, scene.truth, scene.exposed, strict=True):
        carm_from_ct = se3.inverse(shot.patient_from_carm) @ truth
        counts = (
            _xray(ct, scene.camera, carm_from_ct, config, rng) if exposed else _dark(scene, rng)
        )
        events += [
            (shot.stamp_ns, TRUTH, _truth_message(shot.stamp_ns, truth)),
            (shot.stamp_ns, CAMERA_INFO, _camera_info(shot.stamp_ns, scene.camera)),
            (shot.stamp_ns, IMAGE, _image(shot.stamp_ns, counts)),
        ]
        on_shot()
    with BagWriter(path) as bag:
        for name, msgtype in TOPICS.items():
            bag.add_topic(name, msgtype)
        for stamp_ns, topic, message in sorted(events, key=lambda event: event[0]):
            bag.write(topic, stamp_ns, message)


def _xray(ct, camera, carm_from_ct, config, rng):
    """Simulate the raw counts [H, W] uint16 of a shot."""
    ideal = siddon.project(ct, camera, carm_from_ct, config.attenuation)
    return degrade.degrade(ideal, config.degrade, rng)


def _dark(scene, rng):
    """Return what a detector delivers without exposure: electronic noise on its offset."""
    noise = rng.normal(_DARK_COUNTS, _DARK_NOISE, (scene.camera.height, scene.camera.width))
    return np.clip(np.round(noise), 0, None).astype(np.uint16)


def _message(kind, **fields):
    return message_class(kind)(**fields)


def _header(stamp_ns, frame):
    stamp = _message(
        'builtin_interfaces/msg/Time',
        **dict(zip(('sec', 'nanosec'), divmod(stamp_ns, stamps.NS_PER_S), strict=True)),
    )
    return _message('std_msgs/msg/Header', stamp=stamp, frame_id=frame)


def _vector_and_quaternion(transform, vector_kind):
    translation, quaternion = se3.to_quaternion(transform)
    return (
        _message(vector_kind, **dict(zip('xyz', translation.tolist(), strict=True))),
        _message(
            'geometry_msgs/msg/Quaternion', **dict(zip('xyzw', quaternion.tolist(), strict=True))
        ),
    )


def _pose(transform):
    position, orientation = _vector_and_quaternion(transform, 'geometry_msgs/msg/Point')
    return _message('geometry_msgs/msg/Pose', position=position, orientation=orientation)


def _tracker_message(pose):
    translation, rotation = _vector_and_quaternion(
        pose.patient_from_carm, 'geometry_msgs/msg/Vector3'
    )
    transform = _message(
        'geometry_msgs/msg/TransformStamped',
        header=_header(pose.stamp_ns, PATIENT_FRAME),
        child_frame_id=CARM_FRAME,
        transform=_message(
            'geometry_msgs/msg/Transform', translation=translation, rotation=rotation
        ),
    )
    return _message(TOPICS[TF], transforms=[transform])


def _start_message(stamp_ns, patient_from_ct):
    pose = _message(
        'geometry_msgs/msg/PoseWithCovariance',
        pose=_pose(patient_from_ct),
        covariance=np.zeros(36),
    )
    return _message(TOPICS[INITIAL_POSE], header=_header(stamp_ns, PATIENT_FRAME), pose=pose)


def _truth_message(stamp_ns, patient_from_ct):
    header = _header(stamp_ns, PATIENT_FRAME)
    return _message(TOPICS[TRUTH], header=header, pose=_pose(patient_from_ct))


def _camera_info(stamp_ns, camera):
    k = camera.matrix
    roi = _message(
        'sensor_msgs/msg/RegionOfInterest',
        x_offset=0,
        y_offset=0,
        height=0,
        width=0,
        do_rectify=False,
    )
    return _message(
        TOPICS[CAMERA_INFO],
        header=_header(stamp_ns, CARM_FRAME),
        height=camera.height,
        width=camera.width,
        distortion_model='plumb_bob',
        d=np.zeros(5),
        k=k.ravel(),
        r=np.eye(3).ravel(),
        p=np.hstack([k, np.zeros((3, 1))]).ravel(),
        binning_x=0,
        binning_y=0,
        roi=roi,
    )


def _image(stamp_ns, counts):
    height, width = counts.shape
    return _message(
        TOPICS[IMAGE],
        header=_header(stamp_ns, CARM_FRAME),
        height=height,
        width=width,
        encoding='mono16',
        is_bigendian=0,
        step=2 * width,
        data=counts.astype('<u2').view(np.uint8).ravel(),
    )
