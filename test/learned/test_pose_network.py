"""A start from a regressor: any camera, any reference frame; trained, stored, refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_ct import write_small_ct

from surgical_perception import cli
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.assembly import load_networks
from xray_registration.drr import render
from xray_registration.learned.geodesics import recentred
from xray_registration.learned.pose_network import (
    PoseNetwork,
    PoseNetworkConfig,
    load_pose_network,
)
from xray_registration.learned.pose_range import PoseRange
from xray_registration.learned.regressor import Regressor, RegressorConfig
from xray_registration.parameter_groups import WeightsParameters
from xray_registration.parameters import XrayRegistrationParameters
from xray_registration.pipeline import RegistrationPipeline
from xray_registration.training.loop import LoopConfig
from xray_registration.training.presets import RegressorTraining, regressor_preset
from xray_registration.training.scenes import SceneConfig, Scenes, unit_range
from xray_registration.training.train_regressor import train_regressor
from xray_registration.views import View
from xray_registration.volume.attenuation import attenuation_from_ct
from xray_registration.volume.loader import load_ct

torch.set_num_threads(1)
CONFIG = PoseNetworkConfig(RegressorConfig((4, 8), (1, 1)), image_size=64)


@pytest.fixture(scope='module')
def ct_path(tmp_path_factory):
    return write_small_ct(tmp_path_factory.mktemp('ct') / 'ct.nii')


@pytest.fixture(scope='module')
def ct(ct_path):
    return load_ct(ct_path)


@pytest.fixture(scope='module')
def volume(ct):
    return attenuation_from_ct(ct)


@pytest.fixture
def pose(volume):
    return PoseRange().draw(1, volume.isocentre_m, np.random.default_rng(0))[0]


class Knowing(torch.nn.Module):
    """Answers with a pose, and keeps what it was shown."""

    def __init__(self, pose):
        super().__init__()
        self.pose = torch.nn.Parameter(torch.as_tensor(pose))

    def forward(self, image):
        self.seen = image
        return self.pose[None]


@pytest.mark.parametrize(
    'camera',
    [
        PinholeCamera.from_carm(64, 64, 1020.0, 297.0 / 64),
        # Finer pixels, another SDD, a shifted detector.
        PinholeCamera.from_carm(240, 200, 1200.0, 1.6, x0_mm=12.0, y0_mm=-8.0),
    ],
)
def test_every_camera_is_seen_as_the_one_of_training(volume, pose, camera):
    reference = se3.exp(np.array([0.3, -0.1, 0.2, 0.4, 0.1, -0.2]))
    isocentre_m = volume.isocentre_m
    answer = recentred(torch.as_tensor(pose), torch.as_tensor(isocentre_m), 0.75)
    knowing = Knowing(answer)
    view = View(render(volume, camera, pose).image[0], camera, reference)
    start = PoseNetwork(CONFIG, knowing).start(view, isocentre_m)
    np.testing.assert_allclose(reference @ start, pose, atol=1e-9)
    image = torch.as_tensor(render(volume, CONFIG.camera, pose).image)[:, None]
    expected = unit_range(image)[0, 0].numpy()
    inside = np.s_[8:-8, 8:-8]
    seen = knowing.seen[0, 0].numpy()
    assert np.corrcoef(seen[inside].ravel(), expected[inside].ravel())[0, 1] > 0.99


def test_a_pipeline_without_a_start_begins_where_the_network_says(ct, volume, pose):
    isocentre_m = volume.isocentre_m
    near = se3.perturb(np.array([3e-3, 2e-3, 0, 0.03, 0, 0.02]), pose, np.array([0, 0, 0.75]))
    answer = recentred(torch.as_tensor(near), torch.as_tensor(isocentre_m), 0.75)
    camera = PinholeCamera.from_carm(128, 128, 1020.0, 2.3)
    view = View(render(volume, camera, pose).image[0], camera, np.eye(4))
    pipeline = RegistrationPipeline(ct, None, {'regressor': PoseNetwork(CONFIG, Knowing(answer))})
    result = pipeline.register([view])
    assert result.starts == 1
    np.testing.assert_allclose(result.reference_from_ct, pose, atol=2e-3)


TRAINING = RegressorTraining(
    CONFIG.regressor,
    SceneConfig(image_size=64, voxel_mm=6.0, pose_range=PoseRange(rotation_deg=10.0)),
    loop=LoopConfig(steps=40, batch=8, rate=5e-3, log_every=10),
)


def test_training_leaves_weights_for_its_ct(ct, tmp_path):
    card = train_regressor([ct], TRAINING, tmp_path, on='cpu')
    assert card.kind == 'regressor'
    network = load_pose_network(tmp_path, ct.sha256)
    assert network.config == replace(CONFIG, pose_range=TRAINING.scene.pose_range)
    with pytest.raises(InputError, match='another CT'):
        load_pose_network(tmp_path, '0' * 64)
    parameters = XrayRegistrationParameters(
        init='network', weights=WeightsParameters(regressor=str(tmp_path))
    )
    assert not [text for text in parameters.conflicts() if 'network' in text]
    assert isinstance(load_networks(parameters, ct)['regressor'], PoseNetwork)


def test_training_brings_poses_nearer(ct):
    scenes = Scenes([ct], TRAINING.scene, seed=3)
    torch.manual_seed(0)
    regressor = Regressor(TRAINING.regressor)
    from xray_registration.training.regressor_loss import RegressorLoss, RegressorLossConfig

    module = RegressorLoss(regressor, RegressorLossConfig(), 0.75)
    optimiser = torch.optim.Adam(module.parameters(), 5e-3)
    losses = []
    for step in range(60):
        loss, values = module(scenes.shots(8, step))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])
    assert set(values) == {'distance mm, median', 'shift mm, median'}


def test_the_command_trains_a_regressor(ct_path, tmp_path):
    words = ['train', 'regressor', '--ct', str(ct_path), '--out', str(tmp_path), '--steps', '1']
    assert cli.main([*words, '--device', 'cpu']) == 0
    assert (tmp_path / 'weights.safetensors').exists()
    with pytest.raises(InputError, match="'vast' of a regressor"):
        regressor_preset('vast')
