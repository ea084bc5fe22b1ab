"""Camera poses by kinematics: conventions, refusals, and what happens when they stop."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surg_invnerf.kinematics import (
    PRESETS,
    KinematicState,
    PoseTimeline,
    load_poses,
    validated_poses,
    world_from_optical,
)
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3

SECOND_NS = 10**9
STEP_NS = SECOND_NS // 50


def pose(x_m=0.0, turn_rad=0.0):
    """Return a pose that is shifted along x and turned about y."""
    return se3.exp([x_m, 0, 0, 0, 0, 0]) @ se3.exp([0, 0, 0, 0, turn_rad, 0])


def timeline(stamps_ns, poses, **options):
    """Return a PoseTimeline that holds these poses."""
    made = PoseTimeline(**options)
    for stamp_ns, matrix in zip(stamps_ns, poses, strict=True):
        made.add(stamp_ns, matrix)
    return made


def test_isi_has_x_left_and_y_up_where_the_optical_frame_has_right_and_down():
    axes = world_from_optical(np.eye(4), 'dvrk_isi')[:3, :3]
    np.testing.assert_array_equal(axes @ [1, 0, 0], [-1, 0, 0])
    np.testing.assert_array_equal(axes @ [0, 1, 0], [0, -1, 0])
    np.testing.assert_array_equal(axes @ [0, 0, 1], [0, 0, 1])


@pytest.mark.parametrize('preset', PRESETS)
def test_presets_are_rotations_about_the_view_and_keep_the_origin(preset):
    published = pose(0.1, 0.3)
    optical = world_from_optical(published, preset)
    np.testing.assert_array_equal(optical[:3, 3], published[:3, 3])
    np.testing.assert_allclose(np.linalg.det(optical[:3, :3]), 1)
    np.testing.assert_allclose(optical[:3, 2], published[:3, 2])


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="'dvrk', expected one of ros, dvrk_isi"):
        PoseTimeline(preset='dvrk')


@given(fraction=st.floats(0, 1))
def test_between_samples_the_pose_is_interpolated(fraction):
    poses = timeline([SECOND_NS, SECOND_NS + STEP_NS], [pose(0, 0), pose(0.004, 0.02)])
    found = poses.at(SECOND_NS + int(fraction * STEP_NS))
    assert found.state == KinematicState.TRACKING
    np.testing.assert_allclose(
        found.world_from_camera, pose(0.004 * fraction, 0.02 * fraction), atol=1e-8
    )


def test_the_preset_is_applied_to_what_is_published():
    poses = timeline([SECOND_NS], [pose(0.1)], preset='dvrk_isi')
    expected = pose(0.1) @ np.diag([-1, -1, 1, 1])
    np.testing.assert_allclose(poses.at(SECOND_NS).world_from_camera, expected)


def test_without_poses_the_camera_stands_at_the_origin_and_says_so():
    found = PoseTimeline().at(SECOND_NS)
    assert found.state == KinematicState.NONE
    np.testing.assert_array_equal(found.world_from_camera, np.eye(4))
    # Nor is a frame from before the first pose given a later one.
    later = timeline([2 * SECOND_NS], [pose(0.1)])
    assert later.at(SECOND_NS).state == KinematicState.NONE


def test_when_poses_stop_the_last_one_is_held_and_marked():
    poses = timeline([SECOND_NS], [pose(0.1)], timeout_s=0.2)
    fresh, stale = poses.at(int(1.19e9)), poses.at(int(1.5e9))
    assert (fresh.state, stale.state) == (KinematicState.TRACKING, KinematicState.STALE)
    np.testing.assert_allclose(stale.world_from_camera, pose(0.1))
    assert stale.age_s == pytest.approx(0.5)


def test_a_hole_between_samples_is_no_motion_to_interpolate():
    poses = timeline([SECOND_NS, 3 * SECOND_NS], [pose(0), pose(0.1)])
    inside = poses.at(2 * SECOND_NS)
    assert inside.state == KinematicState.STALE
    np.testing.assert_allclose(inside.world_from_camera, pose(0))
    assert poses.at(3 * SECOND_NS).state == KinematicState.TRACKING


@pytest.mark.parametrize(
    ('stamp_ns', 'matrix', 'message'),
    [
        (0, pose(), 'stamp 0: the robot says it is invalid'),
        (SECOND_NS, pose(), 'before the last one: reset'),
        (SECOND_NS - 1, pose(), 'before the last one: reset'),
        (SECOND_NS + STEP_NS, np.full((4, 4), np.nan), 'NaN'),
        (SECOND_NS + STEP_NS, np.diag([1000.0, 1000, 1000, 1]), 'not rigid'),
        (SECOND_NS + STEP_NS, pose(0.05), '0.05 m from the one 0.02 s before'),
        (SECOND_NS + STEP_NS, pose(0, 0.5), 'turned by 28.6 degrees'),
    ],
)
def test_poses_that_cannot_be_are_refused_and_leave_the_timeline_as_it_was(
    stamp_ns, matrix, message
):
    poses = timeline([SECOND_NS], [pose()])
    with pytest.raises(InputError, match=message):
        poses.add(stamp_ns, matrix)
    np.testing.assert_array_equal(poses.at(SECOND_NS + STEP_NS).world_from_camera, np.eye(4))


def test_a_moved_base_is_never_accepted_by_waiting_and_has_its_own_state():
    poses = timeline([SECOND_NS], [pose()])
    stamp_ns = SECOND_NS
    for _ in range(100):
        stamp_ns += STEP_NS
        with pytest.raises(InputError, match='base'):
            poses.add(stamp_ns, pose(0.3))
    found = poses.at(stamp_ns)
    assert found.state == KinematicState.JUMPED
    np.testing.assert_array_equal(found.world_from_camera, np.eye(4))
    poses.clear()
    poses.add(stamp_ns + STEP_NS, pose(0.3))
    assert poses.at(stamp_ns + STEP_NS).state == KinematicState.TRACKING


def test_a_single_wrong_sample_is_left_out():
    poses = timeline([SECOND_NS], [pose()])
    with pytest.raises(InputError):
        poses.add(SECOND_NS + STEP_NS, pose(5.0))
    poses.add(SECOND_NS + 2 * STEP_NS, pose(0.004))
    found = poses.at(SECOND_NS + STEP_NS)
    assert found.state == KinematicState.TRACKING
    np.testing.assert_allclose(found.world_from_camera, pose(0.002))


def test_poses_that_stopped_may_come_back_elsewhere():
    poses = timeline([SECOND_NS], [pose()])
    poses.add(4 * SECOND_NS, pose(0.3))
    assert poses.at(4 * SECOND_NS).state == KinematicState.TRACKING


def test_old_poses_are_forgotten():
    stamps = range(SECOND_NS, 60 * SECOND_NS, SECOND_NS // 10)
    poses = timeline(stamps, [pose()] * len(stamps), history_s=2.0)
    assert poses.at(56 * SECOND_NS).state == KinematicState.NONE
    assert poses.at(58 * SECOND_NS).state == KinematicState.TRACKING


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_poses_of_a_clip_are_read_with_their_preset(tmp_path):
    matrices = [pose(0.002 * n, 0.01 * n) for n in range(5)]
    path = write(tmp_path / 'poses.json', {'world_from_camera': [m.tolist() for m in matrices]})
    np.testing.assert_allclose(load_poses(path, fps=10), matrices, atol=1e-12)
    isi = load_poses(path, fps=10, preset='dvrk_isi')
    np.testing.assert_allclose(isi, matrices @ PRESETS['dvrk_isi'], atol=1e-12)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{', 'cannot be read as JSON'),
        ('[' * 100_000, 'cannot be read as JSON'),
        ([], 'expected {"world_from_camera"'),
        ({'world_from_camera': 1}, 'expected {"world_from_camera"'),
        ({'world_from_camera': []}, 'the list is empty'),
        ({'world_from_camera': [[1, 2]]}, 'pose 0 has 2 numbers'),
        ({'world_from_camera': [None]}, 'pose 0'),
        ({'world_from_camera': [np.eye(4).tolist(), 'x' * 16]}, 'pose 1'),
        ({'world_from_camera': [np.eye(4).tolist(), (2 * np.eye(4)).tolist()]}, 'pose 1'),
        ({'world_from_camera': [pose(0).tolist(), pose(3.0).tolist()]}, 'is it in metres'),
    ],
)
def test_files_that_hold_no_poses_are_refused_by_name(tmp_path, content, message):
    path = write(tmp_path / 'poses.json', content)
    with pytest.raises(InputError, match=message) as caught:
        load_poses(path, fps=10)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r'poses\.json: cannot be read'):
        load_poses(tmp_path / 'poses.json', fps=10)


def test_poses_in_millimetres_are_told_by_their_speed():
    with pytest.raises(InputError, match=r'pose 1 .* is it in metres'):
        validated_poses([pose(0), pose(2.0)], fps=25)
