"""Camera poses of a recorded endoscope: from /tf, else from CRTK's measured_cp."""

import numpy as np

from surg_invnerf.clips import bag_topics
from surg_invnerf.kinematics import KinematicState, PoseTimeline
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.ros import stamps
from surgical_perception.ros.transform_buffer import TransformBuffer
from surgical_perception.ros.validation import validate_header, validate_pose

MEASURED_CP = 'measured_cp'
# Offline nothing is forgotten.
_FOREVER_S = 1e9
# Images may begin this long before the robot's first pose.
_BEFORE_FIRST_NS = 200_000_000


def camera_poses(bag, frame_id, image_stamps, preset='ros'):
    """
    Return (world_from_camera [4, 4] (m) at each stamp, source), or (None, 'none') without any.

    bag             open BagReader
    frame_id        frame of the left image
    source          'tf' or the topic of the poses

    The world is the root of the left camera's TF tree, or the frame of measured_cp.  Where poses
    stop, the last one is held, as the node does.  Raises InputError for bad poses, and where
    images come long before the first one.
    """
    source, timeline = 'tf', PoseTimeline('ros', history_s=_FOREVER_S)
    _add_transforms(timeline, bag, frame_id, image_stamps)
    if not _has_poses(timeline, image_stamps):
        source = bag_topics.first_of_type(bag.topics, bag_topics.POSE_STAMPED, MEASURED_CP)
        if not source:
            return None, 'none'
        timeline = PoseTimeline(preset, history_s=_FOREVER_S)
        for _, _, message in bag.messages([source]):
            stamp_ns = validate_header(message.header, source)
            timeline.add(stamp_ns, validate_pose(message.pose, source))
    return [_pose_at(timeline, stamp_ns, source) for stamp_ns in image_stamps], source


def _add_transforms(timeline, bag, frame_id, image_stamps):
    """Add the camera's pose in the root of its TF tree, at each stamp where TF knows it."""
    buffer, parents, moving = TransformBuffer(_FOREVER_S), {}, set()
    for name, topic in bag.topics.items():
        if topic.type != bag_topics.TF_MESSAGE:
            continue
        static = name.endswith('tf_static')
        for _, _, message in bag.messages([name]):
            for item in message.transforms:
                parent, child = item.header.frame_id, item.child_frame_id
                t, q = item.transform.translation, item.transform.rotation
                pose = se3.from_quaternion([t.x, t.y, t.z], [q.x, q.y, q.z, q.w])
                buffer.set_transform(parent, child, stamps.to_ns(item.header.stamp), pose, static)
                parents[child.removeprefix('/')] = parent.removeprefix('/')
                if not static:
                    moving.add(child.removeprefix('/'))
    chain = [frame_id]
    while chain[-1] in parents and parents[chain[-1]] not in chain:
        chain.append(parents[chain[-1]])
    if not moving.intersection(chain):
        return  # static transforms say where the eyes are on the scope, not where the scope is
    for stamp_ns in image_stamps:
        # Over a gap the timeline holds the pose before.
        if buffer.can_transform(chain[-1], frame_id, stamp_ns):
            timeline.add(stamp_ns, buffer.lookup(chain[-1], frame_id, stamp_ns))


def _has_poses(timeline, image_stamps):
    return timeline.at(image_stamps[-1]).state is not KinematicState.NONE


def _pose_at(timeline, stamp_ns, source):
    pose = timeline.at(stamp_ns)
    if pose.state is KinematicState.NONE:
        pose = timeline.at(stamp_ns + _BEFORE_FIRST_NS)
    if pose.state is KinematicState.NONE:
        raise InputError(
            f'{source}: camera poses begin more than {_BEFORE_FIRST_NS * 1e-9:g} s after the '
            f'image at {stamps.text(stamp_ns)}: cut the images before'
        )
    return np.array(pose.world_from_camera)
