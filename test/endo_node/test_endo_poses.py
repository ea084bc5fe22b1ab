"""Camera poses by TF and by measured_cp: what goes in, what comes out, and what when they stop."""

import numpy as np
import pytest
from endo_harness import LEFT_FRAME, STAMP_NS, Settings, running, shoot_until
from geometry_msgs.msg import PoseStamped
from ros_harness import values

from surg_invnerf.kinematics import PRESETS
from surgical_perception.geometry import se3
from surgical_perception.ros import stamps
from surgical_perception.ros.diagnostics import ERROR, OK, WARN
from surgical_perception.ros.transforms import pose_from_transform
from surgical_perception.ros.validation import validate_pose

BASE = 'robot_base'
WORLD_FROM_CAMERA = se3.exp([0.1, -0.2, 0.3, 0.4, 0.5, -0.6])
BY_TF = {'camera_pose_source': 'tf', 'world_frame': BASE}
BY_CRTK = {'camera_pose_source': 'crtk', 'kinematics_preset': 'dvrk_isi'}
S = stamps.NS_PER_S


def test_pose_by_tf_reaches_the_frame_and_is_published():
    with running(**BY_TF, tf__timeout_s=5.0, tf__estimated_camera_frame='scope') as h:
        h.peer.shoot(STAMP_NS)  # it comes before its pose, which is waited for
        h.wait(lambda: h.node.worker.busy)
        h.peer.broadcaster.send(BASE, LEFT_FRAME, STAMP_NS, WORLD_FROM_CAMERA)
        h.wait(lambda: h.peer.tracks and h.peer.poses)
        (frame,) = h.settings.frames
        np.testing.assert_allclose(frame.world_from_camera, WORLD_FROM_CAMERA, atol=1e-12)
        pose = h.peer.poses[0]
        assert pose.header.frame_id == BASE and stamps.to_ns(pose.header.stamp) == STAMP_NS
        np.testing.assert_allclose(validate_pose(pose.pose.pose), WORLD_FROM_CAMERA, atol=1e-12)
        assert not pose.pose.covariance.any()  # unknown
        h.wait(lambda: any(t.child_frame_id == 'scope' for t in h.peer.transforms))
        (sent,) = [t for t in h.peer.transforms if t.child_frame_id == 'scope']
        assert sent.header.frame_id == BASE
        np.testing.assert_allclose(
            pose_from_transform(sent.transform), WORLD_FROM_CAMERA, atol=1e-12
        )
        h.wait(lambda: h.peer.report('tf')[0] == OK)


def test_without_any_pose_nothing_is_tracked():
    with running(**BY_TF, tf__timeout_s=0.0) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.statuses)
        assert h.peer.statuses[0].level == ERROR
        assert 'no camera pose yet: TF missing' in h.peer.statuses[0].message
        assert not h.settings.frames
        h.wait(lambda: h.peer.report('tf')[0] == ERROR)


def test_tf_that_stops_is_a_stated_state_and_tracking_goes_on():
    with running(**BY_TF, tf__timeout_s=0.0) as h:
        h.peer.broadcaster.send(BASE, LEFT_FRAME, STAMP_NS, WORLD_FROM_CAMERA)
        h.wait(lambda: h.node._listener.can_transform(BASE, LEFT_FRAME, STAMP_NS))
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.poses and h.peer.statuses)
        assert h.peer.statuses[0].level == OK
        h.peer.shoot(STAMP_NS + S)
        h.wait(lambda: len(h.peer.statuses) == 2 and len(h.peer.tracks) == 2)
        status = h.peer.statuses[1]
        assert status.level == WARN and values(status)['camera_pose'] == 'STALE'
        assert 'DEGRADED: camera poses stopped' in status.message
        assert 'TF missing' in status.message
        np.testing.assert_allclose(h.settings.frames[1].world_from_camera, WORLD_FROM_CAMERA)
        h.wait(lambda: h.peer.report('tf')[0] == ERROR)
        assert len(h.peer.poses) == 1


def test_the_robots_own_camera_frame_is_never_reparented():
    with running(**BY_TF, tf__estimated_camera_frame=LEFT_FRAME) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.statuses)
        assert 'is the frame of the images' in h.peer.statuses[0].message
        assert not h.peer.transforms


def robot_pose(stamp_ns, pose, frame=BASE):
    message = PoseStamped()
    message.header.frame_id = frame
    stamps.fill(message.header.stamp, stamp_ns)
    translation, quaternion = se3.to_quaternion(pose)
    position, orientation = message.pose.position, message.pose.orientation
    position.x, position.y, position.z = translation.tolist()
    orientation.x, orientation.y, orientation.z, orientation.w = quaternion.tolist()
    return message


def test_pose_by_measured_cp_is_turned_to_the_optical_frame():
    world_from_isi = WORLD_FROM_CAMERA @ se3.inverse(PRESETS['dvrk_isi'])
    with running(**BY_CRTK) as h:
        for stamp_ns, moved_m in ((0, 0.5), (STAMP_NS - S // 50, -0.001), (STAMP_NS, 0.001)):
            moved = se3.from_rotation_translation(np.eye(3), [moved_m, 0, 0])
            h.peer.robot.publish(robot_pose(stamp_ns, moved @ world_from_isi))
        h.wait(lambda: h.node._poses.topics[0].count == 3)
        h.peer.shoot(STAMP_NS - S // 100)
        h.wait(lambda: h.peer.tracks and h.peer.poses)
        np.testing.assert_allclose(
            h.settings.frames[0].world_from_camera, WORLD_FROM_CAMERA, atol=1e-9
        )
        assert h.peer.poses[0].header.frame_id == BASE


@pytest.mark.parametrize(
    ('reason', 'message'),
    [
        ('published, but silent', None),
        ('stamp 0', robot_pose(0, WORLD_FROM_CAMERA)),
        ("expected 'robot_base'", robot_pose(STAMP_NS, WORLD_FROM_CAMERA, 'map')),
    ],
)
def test_measured_cp_that_is_no_pose_is_a_reason(reason, message):
    with running(**BY_CRTK, world_frame=BASE, tf__timeout_s=0.0) as h:
        if message:
            h.peer.robot.publish(message)
            h.wait(lambda: h.node._poses.topics[0].count)
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.statuses)
        assert reason in h.peer.statuses[0].message
        assert not h.settings.frames and not h.peer.tracks


def test_attached_points_become_frames_with_the_normal_of_the_surface():
    with running(Settings(), tf__attach_ids=[1, 2, 99]) as h:
        child = 'surg_invnerf_node_track_1'
        shoot_until(h, lambda: h.peer.transforms)
        assert {t.child_frame_id for t in h.peer.transforms} == {child}  # 2 is hidden
        sent = h.peer.transforms[0]
        assert sent.header.frame_id == LEFT_FRAME
        pose = pose_from_transform(sent.transform)
        np.testing.assert_allclose(pose[:3, 2], [0, 0, -1], atol=1e-6)
        np.testing.assert_allclose(pose[:3, 3], [0, 0, 0.08], atol=1e-6)
