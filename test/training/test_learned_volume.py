from dataclasses import replace

import numpy as np
import pytest
import torch
from small_ct import write_small_ct

from xray_registration.drr import render
from xray_registration.learned.encoder import EncoderConfig
from xray_registration.learned.network import (
    SimilarityNetwork,
    SimilarityNetworkConfig,
    load_similarity,
)
from xray_registration.learned.pose_range import PoseRange
from xray_registration.learned.volume_networks import VolumeNetworkConfig
from xray_registration.training.learned_volume import LearnedVolume
from xray_registration.training.loop import LoopConfig
from xray_registration.training.presets import similarity_preset
from xray_registration.training.scenes import SceneConfig, Scenes
from xray_registration.training.train_similarity import train_similarity
from xray_registration.volume.loader import load_ct

torch.set_num_threads(1)
SCENE = SceneConfig(image_size=16, voxel_mm=12.0, pose_range=PoseRange())


def config(kind):
    encoder = EncoderConfig(4, (4, 4, 6, 6), 1, 3, strides=(8, 2), in_channels=2)
    return SimilarityNetworkConfig(encoder, VolumeNetworkConfig(kind, 4, 2, 3, 2))


@pytest.fixture(scope='module')
def ct(tmp_path_factory):
    return load_ct(write_small_ct(tmp_path_factory.mktemp('ct') / 'ct.nii'))


@pytest.fixture(scope='module')
def scenes(ct):
    return Scenes([ct], SCENE, seed=4)


@pytest.mark.parametrize('kind', ['isotropic', 'steerable', 'plain'])
def test_training_sees_the_channels_that_the_registration_renders(scenes, kind):
    torch.manual_seed(1)
    network = SimilarityNetwork(config(kind))
    torch.nn.init.normal_(network.volume.layers[-1].bias, std=0.3)
    batch = scenes.draw(2, 0)
    learned = LearnedVolume(network.volume, scenes.volumes, SCENE.camera)
    with torch.no_grad():
        images, columns = learned(batch)
    assert images.shape == (2, 2, 16, 16)
    assert columns.shape == (6, 2, 2, 16, 16)
    starts = batch.start.double().numpy()
    for channel, volume in enumerate(network.projected(scenes.volumes[0])):
        expected = render(volume, SCENE.camera, starts, 'continuum')
        np.testing.assert_allclose(images[:, channel], expected.image, rtol=1e-3, atol=1e-3)
        for number in range(6):
            found = columns[number, :, channel].numpy()
            scale = np.abs(expected.jacobian[..., number]).max()
            np.testing.assert_allclose(found, expected.jacobian[..., number], atol=5e-3 * scale)


def test_the_derivative_by_a_weight_is_that_of_central_differences(scenes):
    torch.manual_seed(2)
    network = SimilarityNetwork(config('isotropic')).double()
    learned = LearnedVolume(network.volume, scenes.volumes, SCENE.camera).double()
    batch = scenes.draw(1, 1)
    weight = network.volume.layers[-1].weight
    mixing = torch.randn(6, 1, 2, 16, 16, dtype=torch.float64)

    def value():
        images, columns = learned(batch)
        return images.sum() + (mixing * columns).sum()

    (slope,) = torch.autograd.grad(value(), weight)
    with torch.no_grad():
        weight[1, 2, 1] += 1e-4
        ahead = value()
        weight[1, 2, 1] -= 2e-4
        expected = (ahead - value()) / 2e-4
    torch.testing.assert_close(slope[1, 2, 1], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('kind', ['isotropic', 'steerable'])
def test_both_networks_are_trained_and_come_back(kind, ct, tmp_path):
    training = replace(
        similarity_preset('tiny'),
        network=config(kind),
        scene=SCENE,
        loop=LoopConfig(steps=2, batch=2, rate=5e-3),
    )
    train_similarity([ct], training, tmp_path, on='cpu')
    network = load_similarity(tmp_path, ct.sha256)
    # It begins at zero: what is there now was learned.
    assert any(weight.any() for weight in network.volume.layers[-1].parameters())
    assert network.channels == 2
