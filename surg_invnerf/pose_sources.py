"""Where the left camera was when an image was taken: by TF, by CRTK's measured_cp, or unknown."""

import threading

from geometry_msgs.msg import PoseStamped

from surg_invnerf.kinematics import KinematicState, PoseTimeline
from surgical_perception.errors import InputError
from surgical_perception.ros.inputs import InputTopic
from surgical_perception.ros.transform_errors import TransformError
from surgical_perception.ros.validation import validate_header, validate_pose


def make_pose_source(node, lookup, config):
    """
    Return the pose source that the parameters name.

    Each has `at(frame, stamp_ns)`, called by the worker, which waits for a pose of that stamp at
    most tf.timeout_s and returns (KinematicPose or None, problem in words).  It raises
    NoPoseError while no pose has come at all: the world is where the robot says from the first
    frame on, or nowhere.
    """
    if config.camera_pose_source == 'none':
        return NoPoses()
    timeline = PoseTimeline(config.kinematics_preset)
    if config.camera_pose_source == 'tf':
        return TfPoses(node, lookup, timeline, config.world_frame)
    return CrtkPoses(node, timeline, config.world_frame)


class NoPoseError(InputError):
    """A camera pose was asked for, and none has come yet."""


class NoPoses:
    """The world is the left camera: the deformation explains all motion."""

    world_frame = ''
    topics = ()

    def connect(self):
        pass

    def at(self, _frame, _stamp_ns):
        return None, ''

    def clear(self):
        pass

    def destroy(self):
        pass


class TfPoses:
    """Asks TF for the frame of the left image at its stamp."""

    topics = ()

    def __init__(self, node, lookup, timeline, world_frame):
        self._node, self._lookup, self._timeline = node, lookup, timeline
        self._lock = threading.Lock()  # `clear` comes from the thread that spins the node
        self.world_frame = world_frame

    def connect(self):
        pass

    def at(self, frame, stamp_ns):
        problem = ''
        timeout_s = self._node.config.tf.timeout_s
        try:
            pose = self._lookup(self.world_frame, frame, stamp_ns, timeout_s=timeout_s)
            with self._lock:
                self._timeline.add(stamp_ns, pose)
        except TransformError as error:
            problem = f'TF missing at the stamp of the image: {error}'
        except InputError as error:
            problem = str(error)
        with self._lock:
            return _pose_at(self._timeline, stamp_ns, problem), problem

    def clear(self):
        with self._lock:
            self._timeline.clear()

    def destroy(self):
        pass


class CrtkPoses:
    """Listens to the pose that a robot publishes of its endoscope (CRTK's measured_cp)."""

    def __init__(self, node, timeline, world_frame):
        self._node, self._timeline = node, timeline
        self._come = threading.Condition()
        self._newest_ns = -1
        self._problem = ''
        self.world_frame = world_frame
        self.topics = ()

    def connect(self):
        topic = InputTopic(self._node, PoseStamped, 'measured_cp', self._on_pose)
        self.topics = (topic,)

    def _on_pose(self, message):
        expected = self.world_frame or None
        try:
            stamp_ns = validate_header(message.header, 'measured_cp', expected)
            pose = validate_pose(message.pose, 'measured_cp')
            with self._come:
                self.world_frame = message.header.frame_id
                self._newest_ns = max(self._newest_ns, stamp_ns)
                self._timeline.add(stamp_ns, pose)
                self._problem = ''
                self._come.notify_all()
        except InputError as error:
            self._problem = str(error)

    def at(self, _frame, stamp_ns):
        # A pose from after the image lets the one at its stamp be interpolated.
        with self._come:
            self._come.wait_for(
                lambda: self._newest_ns >= stamp_ns, self._node.config.tf.timeout_s
            )
            problem = self._problem or '; '.join(topic.cause() for topic in self.topics)
            return _pose_at(self._timeline, stamp_ns, problem), problem

    def clear(self):
        with self._come:
            self._timeline.clear()
            self._newest_ns = -1

    def destroy(self):
        for topic in self.topics:
            topic.destroy()


def _pose_at(timeline, stamp_ns, problem):
    pose = timeline.at(stamp_ns)
    if pose.state is KinematicState.NONE:
        raise NoPoseError(f'no camera pose yet: {problem or "none at the stamp of the image"}')
    return pose
