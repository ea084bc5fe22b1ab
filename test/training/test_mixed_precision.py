"""The CPU stands in for a GPU: the same networks in bfloat16, the same losses around them."""

import pytest
import torch
from small_ct import write_small_ct

from xray_registration.learned.network import SimilarityNetwork, SimilarityNetworkConfig
from xray_registration.learned.regressor import Regressor, RegressorConfig
from xray_registration.learned.whole_image import WholeImageConfig
from xray_registration.training import mixed_precision
from xray_registration.training.regressor_loss import RegressorLoss, RegressorLossConfig
from xray_registration.training.scenes import SceneConfig, Scenes
from xray_registration.training.whole_image_loss import WholeImageLoss, WholeImageLossConfig
from xray_registration.volume.loader import load_ct

torch.set_num_threads(1)


@pytest.fixture
def shots(tmp_path):
    ct = load_ct(write_small_ct(tmp_path / 'ct.nii'))
    return Scenes([ct], SceneConfig(image_size=32, voxel_mm=6.0), 0).shots(6, 0)


@pytest.mark.parametrize('rotation', ['adjugate', 'log'])
def test_a_regressor_learns_in_bfloat16(shots, monkeypatch, rotation):
    torch.manual_seed(0)
    regressor = Regressor(RegressorConfig((8, 16), (1, 1), rotation))
    check(RegressorLoss(regressor, RegressorLossConfig(), 0.75), regressor, shots, monkeypatch)


def test_a_point_of_the_whole_image_does(shots, monkeypatch):
    torch.manual_seed(0)
    network = SimilarityNetwork(SimilarityNetworkConfig(whole=WholeImageConfig((8, 16, 16), 8)))
    loss = WholeImageLoss(network, WholeImageLossConfig(), 0.75)
    check(loss, network.whole, shots, monkeypatch)


def check(loss, network, shots, monkeypatch):
    inside = []
    network.head.register_forward_hook(lambda *call: inside.append(call[-1].dtype))
    full, _ = loss(shots)
    monkeypatch.setattr(mixed_precision, '_DEVICES', ('cpu',))
    half, _ = loss(shots)
    assert inside == [torch.float32, torch.bfloat16]
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(full.item(), rel=0.02)
    half.backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())
