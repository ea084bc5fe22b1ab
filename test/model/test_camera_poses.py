"""Camera poses: kinematics, an offset on the camera's side, and their prior."""

import numpy as np
import pytest
import torch

from surg_invnerf.model.camera_poses import CameraPoses, exp
from surgical_perception.geometry import se3


def poses_of(count=4):
    rng = np.random.default_rng(0)
    return {i: se3.exp(rng.normal(0, 0.1, 6)) for i in range(count)}


def test_exp_is_that_of_the_core():
    twists = np.random.default_rng(1).normal(0, 1.0, (20, 6))
    twists[0] = 0
    expected = np.stack([se3.exp(twist) for twist in twists])
    np.testing.assert_allclose(exp(torch.tensor(twists)).numpy(), expected, atol=1e-10)


def test_poses_are_those_of_kinematics_at_the_start():
    given = poses_of()
    for estimated in (False, True):
        poses = CameraPoses(given, estimated)([0, 3])
        np.testing.assert_allclose(poses.detach(), [given[0], given[3]], atol=1e-6)


def test_the_offset_acts_on_the_side_of_the_camera():
    given, poses = poses_of(), CameraPoses(poses_of(), True)
    twist = np.array([0.003, -0.002, 0.001, 0.02, 0.01, -0.03])
    with torch.no_grad():
        poses.hand_eye.copy_(torch.tensor(twist))
    np.testing.assert_allclose(poses([2])[0].detach(), given[2] @ se3.exp(twist), atol=1e-6)


def test_what_is_improbable_costs_and_pulls_back():
    poses = CameraPoses(poses_of(), True)
    assert poses.improbability() == 0
    with torch.no_grad():
        poses.hand_eye[0] = 5e-3
        poses.residuals['1'][3] = 0.05
    cost = poses.improbability()
    cost.backward()
    assert cost > 0 and poses.hand_eye.grad[0] > 0 and poses.residuals['1'].grad[3] > 0


def test_frames_that_stay_keep_their_residuals():
    given, poses = poses_of(6), CameraPoses({i: np.eye(4) for i in range(4)}, True)
    with torch.no_grad():
        poses.residuals['3'][0] = 0.01
    poses.retain({3: given[3], 5: given[5]})
    assert poses.residuals['3'][0].item() == pytest.approx(0.01)
    assert set(poses.residuals) == {'3', '5'} and not poses.residuals['5'].any()
