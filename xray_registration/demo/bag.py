"""The demo's input as a rosbag: X-rays, camera_info, tracker, start pose, truth."""

import sys
from pathlib import Path

import numpy as np

from surgical_perception import bag_messages, bags
from surgical_perception.bag_messages import make
from surgical_perception.bags import BagWriter
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
    modules = (siddon, degrade, trajectory, bags, bag_messages, sys.modules[__name__])
    key = key_of(config, [module.__file__ for module in modules], ct.sha256)
    return made_once(
        Path(folder) / f'demo-{key}', lambda path: write_bag(path, ct, scene, config, on_shot)
    )


def write_bag(path, ct, scene, config, on_shot=lambda: None):
    """Simulate the X-rays of a scene and write everything that the nodes are given, in order."""
    rng = np.random.default_rng(config.seed)
    events = [(pose.stamp_ns, TF, _tracker_message(pose)) for pose in scene.tracker]
    if scene.start is not None:
        start_ns = scene.start_ns + round(_INITIAL_POSE_AFTER_S * stamps.NS_PER_S)
        events.append((start_ns, INITIAL_POSE, _start_message(start_ns, scene.start)))
    for shot, truth, exposed in zip(scene.shots, scene.truth, scene.exposed, strict=True):
        carm_from_ct = se3.inverse(shot.patient_from_carm) @ truth
        counts = (
            _xray(ct, scene.camera, carm_from_ct, config, rng) if exposed else _dark(scene, rng)
        )
        at = shot.stamp_ns
        events += [
            (at, TRUTH, bag_messages.pose_stamped(at, PATIENT_FRAME, truth)),
            (at, CAMERA_INFO, bag_messages.camera_info(at, CARM_FRAME, scene.camera)),
            (at, IMAGE, bag_messages.image(at, CARM_FRAME, counts, 'mono16')),
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


def _tracker_message(pose):
    return bag_messages.tf(pose.stamp_ns, PATIENT_FRAME, CARM_FRAME, pose.patient_from_carm)


def _start_message(stamp_ns, patient_from_ct):
    pose = make(
        'geometry_msgs/msg/PoseWithCovariance',
        pose=bag_messages.pose(patient_from_ct),
        covariance=np.zeros(36),
    )
    header = bag_messages.header(stamp_ns, PATIENT_FRAME)
    return make(TOPICS[INITIAL_POSE], header=header, pose=pose)
