"""Train a pose regressor: from CTs and a preset to weights with a card."""

import torch

from xray_registration.learned.pose_network import PoseNetworkConfig
from xray_registration.learned.regressor import Regressor
from xray_registration.training.regressor_loss import RegressorLoss
from xray_registration.training.scenes import Scenes
from xray_registration.training.train_network import Part, train_network


def train_regressor(cts, config, out, agnostic=False, on=None):
    """
    Train until the configured steps are done; return the Card.

    The arguments are those of train_similarity, `config` being a RegressorTraining.
    """
    scene = config.scene
    torch.manual_seed(config.loop.seed)
    regressor = Regressor(config.regressor)
    scenes = Scenes(cts, scene, config.loop.seed)
    distance_m = 1e-3 * scene.pose_range.source_to_isocentre_mm
    module = RegressorLoss(regressor, config.loss, distance_m)
    values = PoseNetworkConfig(
        config.regressor, scene.image_size, scene.field_mm, scene.sdd_mm, scene.pose_range
    ).as_values()
    part = Part(module, scenes.shots, config.loop)
    return train_network('regressor', cts, regressor, [part], config, values, out, agnostic, on)
