"""Train a similarity network: from CTs and a preset to weights with a card."""

from dataclasses import replace

import torch

from xray_registration.learned.network import SimilarityNetwork, config_for_card
from xray_registration.training.learned_volume import LearnedVolume
from xray_registration.training.scenes import Scenes
from xray_registration.training.similarity_loss import SimilarityLoss
from xray_registration.training.train_network import Part, train_network
from xray_registration.training.whole_image_loss import WholeImageLoss


def train_similarity(cts, config, out, agnostic=False, on=None):
    """
    Train until the configured steps are done; return the Card.

    cts         CtImages; each batch is of one of them
    config      SimilarityTraining
    out, agnostic, on, and what is raised: as in train_network
    """
    scene = config.scene
    torch.manual_seed(config.loop.seed)
    trained = replace(
        config.network,
        image_size=scene.image_size,
        isocentre_field_mm=scene.isocentre_field_mm,
        voxel_mm=scene.voxel_mm,
    )
    network = SimilarityNetwork(trained)
    scenes = Scenes(cts, scene, config.loop.seed)
    distance_m = 1e-3 * scene.pose_range.source_to_isocentre_mm
    volume = network.volume and LearnedVolume(network.volume, scenes.volumes, scene.camera)
    loss = SimilarityLoss(network, config.loss, distance_m, volume)
    parts = [Part(loss, scenes.draw, config.loop)]
    if network.whole:
        whole = WholeImageLoss(network, config.whole.loss, distance_m)
        parts.append(Part(whole, scenes.shots_and_drrs, config.whole.loop, 'whole_image'))
    values = config_for_card(trained)
    return train_network('similarity', cts, network, parts, config, values, out, agnostic, on)
