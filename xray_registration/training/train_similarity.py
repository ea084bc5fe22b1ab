"""Train a similarity network: from CTs and a preset to weights with a card."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import torch

from surgical_perception.evaluation.results import device, versions
from xray_registration.learned import weights
from xray_registration.learned.network import SimilarityNetwork, config_for_card
from xray_registration.training import loop
from xray_registration.training.learned_volume import LearnedVolume
from xray_registration.training.scenes import Scenes
from xray_registration.training.similarity_loss import SimilarityLoss


def train_similarity(cts, config, out, agnostic=False, on=None):
    """
    Train until the configured steps are done; return the Card.

    Of several processes one writes; the Card of the others has no weights_sha256.

    cts         CtImages; each batch is of one of them
    config      SimilarityTraining
    out         folder for checkpoint, curve, weights and card; a run that was stopped goes on
    agnostic    whether the weights may be used with CTs that they never saw
    on          torch device, by default the GPU where there is one

    Raises InputError for a checkpoint of other settings, loop.Interrupted on Ctrl-C.
    """
    out = Path(out)
    torch.manual_seed(config.loop.seed)
    trained = replace(
        config.network, image_size=config.scene.image_size, voxel_mm=config.scene.voxel_mm
    )
    network = SimilarityNetwork(trained)
    hashes = tuple(ct.sha256 for ct in cts)
    with loop.worker(on) as this:
        scenes = Scenes(cts, config.scene, config.loop.seed)
        distance_m = 1e-3 * config.scene.pose_range.source_to_isocentre_mm
        volume = network.volume and LearnedVolume(
            network.volume, scenes.volumes, config.scene.camera
        )
        module = SimilarityLoss(network, config.loss, distance_m, volume).to(this.device)
        about = json.dumps({**asdict(config), 'ct_sha256': hashes}, sort_keys=True)
        seconds = loop.run(module, scenes.draw, config.loop, out, this, about)
        card = weights.Card(
            kind='similarity',
            ct_sha256=hashes,
            agnostic=agnostic,
            config=config_for_card(trained),
            pose_range=asdict(config.scene.pose_range),
            training={'settings': asdict(config), 'seconds': round(seconds), 'on': device()},
            versions=versions(),
        )
        return weights.save(out, network.state_dict(), card) if this.is_first else card
