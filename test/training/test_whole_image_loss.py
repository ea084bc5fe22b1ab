from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_ct import write_small_ct

from surgical_perception.errors import InputError
from xray_registration.learned.geodesics import distance_mm, recentred, rotation4
from xray_registration.learned.manifolds import Euclidean, Sphere
from xray_registration.learned.network import (
    SimilarityNetwork,
    SimilarityNetworkConfig,
    config_for_card,
    config_from_card,
)
from xray_registration.learned.pose_range import PoseRange, tensor
from xray_registration.learned.volume_networks import VolumeNetworkConfig
from xray_registration.learned.whole_image import WHOLE, WholeImage, WholeImageConfig
from xray_registration.training.scenes import SceneConfig, Scenes, Shots
from xray_registration.training.whole_image_loss import WholeImageLoss, WholeImageLossConfig
from xray_registration.volume.loader import load_ct

torch.set_num_threads(1)
CONFIG, DISTANCE_M = WholeImageLossConfig(), 0.75


class Knows(torch.nn.Module):
    """Tells the pose that an X-ray was made from, with a share of what it should be."""

    def __init__(self, poses, share):
        super().__init__()
        self.share = torch.nn.Parameter(torch.tensor(share))
        self._unit = 0.5 * rotation4(poses, CONFIG.focal_mm).flatten(1)

    def forward(self, image):
        return {WHOLE: self.share * self._unit[:, :, None, None]}


@pytest.fixture
def shots():
    poses = PoseRange(('AP', 'LAT_L')).draw(6, np.zeros(3), np.random.default_rng(0))
    return Shots(torch.zeros(6, 1, 8, 8), tensor(poses), torch.zeros(3))


def loss_of(shots, share):
    poses = recentred(shots.truth, shots.isocentre_m, DISTANCE_M)
    network = SimpleNamespace(whole=Knows(poses, share), manifold=Euclidean)
    return WholeImageLoss(network, CONFIG, DISTANCE_M)(shots), poses


def test_points_as_far_apart_as_poses_cost_nothing(shots):
    (loss, _), _ = loss_of(shots, 1.0)
    assert loss.item() == pytest.approx(0, abs=1e-4)


def test_points_in_one_place_are_off_by_the_geodesic_distance(shots):
    (loss, report), poses = loss_of(shots, 0.0)
    a, b = torch.triu_indices(6, 6, 1)
    # The chord |H_a - H_b| / 2 is distance / (2 sqrt(2) f); reported is 4 f times its error.
    expected = distance_mm(poses[a], poses[b], 'so4', CONFIG.focal_mm).mean() * np.sqrt(2)
    assert report['distances of whole images off by mm'] == pytest.approx(expected.item(), 1e-2)
    assert loss.item() == pytest.approx(expected.item() / (4 * CONFIG.focal_mm), 1e-2)


def test_the_loss_has_a_slope_towards_the_right_scale(shots):
    poses = recentred(shots.truth, shots.isocentre_m, DISTANCE_M)
    network = SimpleNamespace(whole=Knows(poses, 0.5), manifold=Euclidean)
    loss, _ = WholeImageLoss(network, CONFIG, DISTANCE_M)(shots)
    loss.backward()
    assert network.whole.share.grad < 0


def test_a_card_tells_the_whole_images_network_and_may_lack_it():
    config = SimilarityNetworkConfig(whole=WholeImageConfig((4, 8, 8), 6))
    assert config_from_card(config_for_card(config)) == config
    assert SimilarityNetwork(config).strides == (WHOLE, 16, 4)
    earlier = config_for_card(SimilarityNetworkConfig())
    del earlier['whole']
    assert config_from_card(earlier).whole is None


def test_it_is_not_for_networks_of_the_volume():
    config = SimilarityNetworkConfig(volume=VolumeNetworkConfig(), whole=WholeImageConfig())
    with pytest.raises(InputError, match='exclude each other'):
        SimilarityNetwork(config)


def test_a_network_learns_to_tell_how_far_poses_are(tmp_path):
    torch.manual_seed(0)
    ct = load_ct(write_small_ct(tmp_path / 'ct.nii'))
    shots = Scenes([ct], SceneConfig(image_size=32, voxel_mm=6.0), 0).shots(12, 0)
    whole = WholeImage(WholeImageConfig((8, 16, 16), 16))
    loss = WholeImageLoss(SimpleNamespace(whole=whole, manifold=Sphere), CONFIG, DISTANCE_M)
    optimiser = torch.optim.Adam(whole.parameters(), 2e-3)
    off = []
    for _ in range(60):
        optimiser.zero_grad()
        value, report = loss(shots)
        value.backward()
        optimiser.step()
        off.append(report['distances of whole images off by mm'])
    assert off[-1] < 0.5 * off[0]
