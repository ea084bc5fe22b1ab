"""Tracks over frames that could not be used, and poses of frames that kinematics left out."""

import numpy as np
import pytest

from surg_invnerf.measured_clip import held_poses
from surg_invnerf.tracks.clip_tracks import over_all_frames
from surg_invnerf.tracks.result import Cause, Tracks


def tracks(frames, x_m):
    """Return one visible point at x_m [T], without uncertainty."""
    count = len(frames)
    xyz_m = np.zeros((1, count, 3), np.float32)
    xyz_m[0, :, 0] = x_m
    return Tracks(
        ids=np.array([5]),
        frames=np.array(frames),
        uv=1000 * xyz_m[..., :2],
        xyz_m=xyz_m,
        cause=np.full((1, count), Cause.VISIBLE, np.uint8),
        cov_m2=np.zeros((1, count, 3, 3), np.float32),
        confidence=np.ones((1, count), np.float32),
    )


def test_tracks_over_every_frame_stay_as_they_are():
    given = tracks([0, 1, 2], [0, 0.1, 0.2])
    assert over_all_frames(given, 3) is given


def test_a_frame_that_was_not_used_is_uncertain_and_unknown():
    whole = over_all_frames(tracks([1, 4], [0.1, 0.4]), 6)
    assert whole.frames.tolist() == [0, 1, 2, 3, 4, 5]
    np.testing.assert_allclose(whole.xyz_m[0, :, 0], [0.1, 0.1, 0.1, 0.4, 0.4, 0.4])
    used = [False, True, False, False, True, False]
    assert (whole.cause[0] == np.where(used, Cause.VISIBLE, Cause.UNKNOWN)).all()
    assert (whole.visible[0] == used).all()
    assert (whole.confidence[0] == used).all()
    # Between the used frames, the point may be anywhere on its way of 0.3 m.
    np.testing.assert_allclose(whole.cov_m2[0, :, 0, 0], [0, 0, 0.09, 0.09, 0, 0], atol=1e-6)


def shifted(x_m):
    pose = np.eye(4)
    pose[0, 3] = x_m
    return pose


def test_a_pose_is_held_until_the_next_one():
    poses = {3: None, 5: shifted(0.1), 6: None, 9: shifted(0.2), 11: None}
    held = held_poses(poses)
    assert [held[frame][0, 3] for frame in poses] == pytest.approx([0.1, 0.1, 0.1, 0.2, 0.2])
