import numpy as np
import torch
from matplotlib import image
from small_ct import write_small_ct

from xray_registration.learned.encoder import EncoderConfig
from xray_registration.learned.network import SimilarityNetwork, SimilarityNetworkConfig
from xray_registration.learned.pose_range import PoseRange
from xray_registration.training import landscape
from xray_registration.training.scenes import SceneConfig
from xray_registration.volume.loader import load_ct

torch.set_num_threads(1)
CONFIG = SceneConfig(image_size=64, voxel_mm=6.0, pose_range=PoseRange(rotation_deg=5.0))


def test_a_picture_is_left(tmp_path):
    torch.manual_seed(0)
    network = SimilarityNetwork(
        SimilarityNetworkConfig(EncoderConfig(4, (4, 6, 8, 8), 1, 4))
    ).eval()
    ct = load_ct(write_small_ct(tmp_path / 'ct.nii'))
    path = tmp_path / 'landscape.png'
    landscape.draw_landscape(path, network, ct, CONFIG, 1020.0)
    assert image.imread(path).std() > 0.05


def test_each_line_passes_the_truth_and_reaches_its_ends():
    truth = np.eye(4)
    truth[2, 3] = 0.75
    poses = landscape._poses(truth, np.zeros(3), CONFIG)
    assert poses.shape == (6, 21, 4, 4)
    np.testing.assert_allclose(poses[:, 10], np.broadcast_to(truth, (6, 4, 4)), atol=1e-12)
    assert poses[1, -1, 1, 3] == 0.06
    found = landscape._geodesics(truth, poses, np.zeros(3), CONFIG, 1020.0)
    for distances in found.values():
        assert distances[:, 10].max() < 1e-2
        np.testing.assert_allclose(distances[0], np.abs(np.linspace(-60, 60, 21)), atol=0.1)
