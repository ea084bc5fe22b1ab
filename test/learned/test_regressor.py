import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from surgical_perception.errors import InputError
from surgical_perception.geometry import frames, se3
from xray_registration.learned import geodesics
from xray_registration.learned.pose_range import PoseRange
from xray_registration.learned.regressor import (
    ROTATIONS,
    Regressor,
    RegressorConfig,
    rotation_from_adjugate,
)

torch.set_num_threads(1)
ISOCENTRE_M = np.array([0.1, -0.2, 0.05])
TINY = {'widths': (4, 8), 'blocks': (1, 1)}


@pytest.mark.parametrize('seed', range(4))
def test_the_adjugate_of_a_quaternion_is_its_rotation(seed):
    rotations = Rotation.random(50, rng=seed)
    # Half turns, where other parametrisations tear, among them.
    rotations = Rotation.concatenate([rotations, Rotation.from_rotvec(np.pi * np.eye(3))])
    quaternions = torch.tensor(rotations.as_quat()[:, [3, 0, 1, 2]])
    rows, columns = torch.triu_indices(4, 4)
    ten = 3.7 * quaternions[:, rows] * quaternions[:, columns]
    found = rotation_from_adjugate(ten)
    np.testing.assert_allclose(found, rotations.as_matrix(), atol=1e-12)


@pytest.mark.parametrize('rotation', ROTATIONS)
def test_poses_are_rigid_and_can_be_trained(rotation):
    torch.manual_seed(0)
    network = Regressor(RegressorConfig(rotation=rotation, **TINY))
    image = torch.rand(3, 1, 64, 64)
    pose = network(image)
    np.testing.assert_allclose(
        (pose @ geodesics.inverse(pose)).detach(), [np.eye(4)] * 3, atol=1e-5
    )
    truth = geodesics.exp(torch.tensor([[0.05, -0.02, 0.01, 0.2, -0.1, 0.3]])).expand(3, 4, 4)
    optimiser, first = torch.optim.Adam(network.parameters(), 1e-2), None
    for _ in range(60):
        loss = geodesics.distance_mm(network(image), truth, 'so4', 1020.0).mean()
        first = first or loss.item()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.2 * first


def test_an_unknown_rotation_is_named():
    with pytest.raises(InputError, match="'euler'"):
        Regressor(RegressorConfig(rotation='euler'))


def test_training_poses_stay_within_their_range():
    around = PoseRange(('AP', 'LAT_L'), 30.0, 60.0, 40.0, 700.0)
    poses = around.draw(300, ISOCENTRE_M, np.random.default_rng(0))
    away = np.array([se3.apply(pose, ISOCENTRE_M) for pose in poses]) - [0, 0, 0.7]
    assert np.abs(away).max(0) == pytest.approx([0.06, 0.06, 0.04], rel=0.05)
    assert all(around.contains(pose, ISOCENTRE_M) for pose in poses)
    nominal = [frames.carm_from_ct_at(name, ISOCENTRE_M, 0.7) for name in around.positions]
    turned = [min(se3.rotation_angle(pose @ se3.inverse(n)) for n in nominal) for pose in poses]
    assert np.rad2deg(max(turned)) <= np.sqrt(3) * 30
    assert np.rad2deg(max(turned)) > 30


def test_a_pose_outside_is_told():
    around = PoseRange()
    nominal = frames.carm_from_ct_at('AP', ISOCENTRE_M, 0.75)
    nominal[0, 3] += 0.07
    assert not around.contains(nominal, ISOCENTRE_M)
