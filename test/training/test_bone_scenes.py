from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch

from surgical_perception.errors import InputError
from surgical_perception.geometry.frames import carm_from_ct_at
from xray_registration.learned.network import SimilarityNetwork, load_similarity
from xray_registration.learned.pose_range import PoseRange
from xray_registration.learned.unet import UnetConfig
from xray_registration.training.bone_scenes import BoneScenes
from xray_registration.training.isolation_loss import BoneShots, IsolationLoss
from xray_registration.training.isolation_picture import draw_isolated
from xray_registration.training.loop import LoopConfig
from xray_registration.training.other_bones import OtherBones, continued, projected
from xray_registration.training.presets import similarity_preset
from xray_registration.training.train_similarity import train_similarity
from xray_registration.volume.attenuation import attenuation_from_ct
from xray_registration.volume.ct_image import CtImage

torch.set_num_threads(1)
SCENE = replace(similarity_preset('bone').scene, image_size=32, voxel_mm=3.0)


def bone(sha256='0' * 64):
    """Return a shaft that leaves its CT through the upper face, with a lump on one side."""
    values = np.zeros((40, 24, 24), np.float32)
    values[10:, 8:16, 8:16] = 1000.0
    values[10:16, 8:16, 16:22] = 1500.0
    return CtImage(values, np.diag([2e-3, 2e-3, 2e-3, 1.0]), 'shaft', sha256, is_hu=False)


def test_a_cut_bone_goes_on():
    volume = attenuation_from_ct(bone())
    pose = carm_from_ct_at('AP', volume.isocentre_m, 0.75)[None]
    camera = SCENE.camera
    whole = projected(continued(volume, 2.0), camera, pose, 'auto')[0, :, 15]
    alone = projected(continued(volume, 2.0)[:1], camera, pose, 'auto')[0, :, 15]
    # 32 pixels of 3.75 mm; the CT's 80 mm are in the middle, its shaft all but their lower 20.
    assert alone[8:16].min() > 0.5 * alone.max()
    assert alone[:4].max() == 0
    assert whole[:4].min() > 0.5 * alone.max()
    assert whole[24:].max() == 0


def test_other_bones_are_mirrored_lie_beside_it_and_differ():
    ct = bone()
    isocentre_m = attenuation_from_ct(ct).isocentre_m
    pose = carm_from_ct_at('AP', isocentre_m, 0.75)
    others = OtherBones(ct, [], 3.0)
    images = [
        np.zeros((32, 32))
        + others.image(SCENE.camera, pose, isocentre_m, 3, np.random.default_rng(seed))
        for seed in range(12)
    ]
    empty = sum(not image.any() for image in images)
    assert 0 < empty < 8  # of 0 to 3 bones each
    assert min(image.min() for image in images) >= 0
    nonzero = [image for image in images if image.any()]
    assert not any(np.allclose(a, b) for a, b in pairwise(nonzero))
    # The lump is on the other side of the mirror image.
    first, own = others._shown[0][0].mu_per_m, attenuation_from_ct(ct).resampled(3e-3).mu_per_m
    assert np.allclose(first[:, :, ::-1], own, atol=0.1)
    assert not np.allclose(first, own, atol=0.1)


def test_scenes_show_the_bone_alone_and_among_others_and_repeat_themselves():
    scenes = BoneScenes(bone(), [], SCENE, 3)
    shots = scenes.draw(4, 5)
    assert shots.fixed.shape == shots.alone.shape == (4, 1, 32, 32)
    assert 0 <= shots.fixed.min() <= shots.fixed.max() <= 1
    assert (shots.alone.amax((1, 2, 3)) > 0.1).all()
    again = BoneScenes(bone(), [], SCENE, 3).draw(4, 5)
    assert all(torch.equal(a, b) for a, b in zip(shots, again, strict=True))
    assert not torch.equal(shots.fixed, scenes.draw(4, 6).fixed)


class Given(torch.nn.Module):
    """Returns the same whatever it sees."""

    config = UnetConfig((8, 8), 2)

    def __init__(self, found):
        super().__init__()
        self.found = found

    def forward(self, image):
        return self.found


def test_the_loss_is_one_minus_ncc_whatever_the_scale():
    alone = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    pooled = torch.nn.functional.avg_pool2d(alone, 2)
    shots = BoneShots(torch.zeros(3, 1, 16, 16), alone)
    right, report = IsolationLoss(Given(5 * pooled - 2))(shots)
    assert right == pytest.approx(0, abs=1e-5)
    assert report['NCC with the bone alone, median'] == pytest.approx(1, abs=1e-5)
    inverted, _ = IsolationLoss(Given(-pooled))(shots)
    assert inverted == pytest.approx(2, abs=1e-5)
    other = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    found, _ = IsolationLoss(Given(other))(shots)
    expected = 1 - np.mean(
        [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(other, pooled, strict=True)]
    )
    assert found == pytest.approx(expected, abs=1e-5)


def training(steps):
    config = similarity_preset('bone')
    return replace(
        config,
        network=replace(config.network, isolation=UnetConfig((8, 16, 16), 2)),
        scene=replace(SCENE, pose_range=PoseRange(('AP',), 10.0, 10.0, 10.0)),
        loop=LoopConfig(steps=steps, batch=8, rate=1e-2, log_every=10),
    )


def test_training_learns_to_isolate_and_the_weights_come_back(tmp_path):
    ct, other = bone(), bone('1' * 64)
    card = train_similarity([ct], training(60), tmp_path, on='cpu', beside=[other])
    assert card.training['settings']['beside'] == ('1' * 64,)
    network = load_similarity(tmp_path, ct.sha256)
    shots = BoneScenes(ct, [other], training(1).scene, 99).draw(16, 0)
    with torch.no_grad():
        _, trained = IsolationLoss(network.isolation)(shots)
        torch.manual_seed(0)
        fresh = type(network.isolation)(network.config.isolation)
        _, untrained = IsolationLoss(fresh)(shots)
    name = 'NCC with the bone alone, median'
    assert trained[name] > max(0.6, untrained[name] + 0.2)


def test_what_does_not_fit_one_bone_is_refused(tmp_path):
    with pytest.raises(InputError, match='one bone is isolated'):
        train_similarity([bone(), bone()], training(1), tmp_path, on='cpu')
    with pytest.raises(InputError, match='one bone is isolated'):
        train_similarity([bone()], training(1), tmp_path, agnostic=True, on='cpu')
    with pytest.raises(InputError, match='--beside is for the preset bone'):
        train_similarity([bone()], similarity_preset('tiny'), tmp_path, beside=[bone()])


def test_a_picture_shows_xray_what_is_left_and_the_bone(tmp_path):
    torch.manual_seed(0)
    config = replace(training(1).network, image_size=32)
    draw_isolated(tmp_path / 'isolated.png', SimilarityNetwork(config), bone(), [], SCENE)
    picture = cv2.imread(str(tmp_path / 'isolated.png'), cv2.IMREAD_GRAYSCALE)
    assert picture.shape == (3 * 64, 6 * 64)
    assert min(row.std() for row in np.vsplit(picture, 3)) > 5
