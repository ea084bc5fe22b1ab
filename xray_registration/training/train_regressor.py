"""Train a pose regressor: from CTs and a preset to weights with a card."""

import json
from dataclasses import asdict
from pathlib import Path

import torch

from surgical_perception.evaluation.results import device, versions
from xray_registration.learned import weights
from xray_registration.learned.pose_network import PoseNetworkConfig
from xray_registration.learned.regressor import Regressor
from xray_registration.training import loop
from xray_registration.training.regressor_loss import RegressorLoss
from xray_registration.training.scenes import Scenes


def train_regressor(cts, config, out, agnostic=False, on=None):
    """
    Train until the configured steps are done; return the Card.

    The arguments are those of train_similarity, `config` being a RegressorTraining.
    """
    out, scene = Path(out), config.scene
    torch.manual_seed(config.loop.seed)
    regressor = Regressor(config.regressor)
    hashes = tuple(ct.sha256 for ct in cts)
    with loop.worker(on) as this:
        scenes = Scenes(cts, scene, config.loop.seed)
        distance_m = 1e-3 * scene.pose_range.source_to_isocentre_mm
        module = RegressorLoss(regressor, config.loss, distance_m).to(this.device)
        about = json.dumps({**asdict(config), 'ct_sha256': hashes}, sort_keys=True)
        seconds = loop.run(module, scenes.shots, config.loop, out, this, about)
        about_network = PoseNetworkConfig(
            config.regressor, scene.image_size, scene.field_mm, scene.sdd_mm, scene.pose_range
        )
        card = weights.Card(
            kind='regressor',
            ct_sha256=hashes,
            agnostic=agnostic,
            config=about_network.as_values(),
            pose_range=asdict(scene.pose_range),
            training={'settings': asdict(config), 'seconds': round(seconds), 'on': device()},
            versions=versions(),
        )
        return weights.save(out, regressor.state_dict(), card) if this.is_first else card
