"""Train a similarity network: from CTs and a preset to weights with a card."""

from dataclasses import replace

import torch

from surgical_perception.errors import InputError
from xray_registration.learned.network import SimilarityNetwork, config_for_card
from xray_registration.training.bone_scenes import BoneScenes
from xray_registration.training.isolation_loss import IsolationLoss
from xray_registration.training.learned_volume import LearnedVolume
from xray_registration.training.scenes import Scenes
from xray_registration.training.similarity_loss import SimilarityLoss
from xray_registration.training.train_network import Part, train_network
from xray_registration.training.whole_image_loss import WholeImageLoss


def train_similarity(cts, config, out, agnostic=False, on=None, beside=()):
    """
    Train until the configured steps are done; return the Card.

    cts         CtImages; each batch is of one of them
    config      SimilarityTraining
    out, agnostic, on, and what is raised: as in train_network
    beside      CtImages of bones that X-rays may show beside the one that is isolated

    Raises InputError as well for more than one CT, or agnostic weights, of an isolation.
    """
    scene = config.scene
    torch.manual_seed(config.loop.seed)
    trained = replace(
        config.network,
        image_size=scene.image_size,
        isocentre_field_mm=scene.isocentre_field_mm,
        voxel_mm=scene.voxel_mm,
    )
    config = replace(config, beside=tuple(ct.sha256 for ct in beside))
    network = SimilarityNetwork(trained)
    if network.isolation:
        parts = [_isolation(network, cts, beside, config, agnostic)]
    elif beside:
        raise InputError('--beside is for the preset bone: other similarities see whole CTs')
    else:
        parts = _features(network, cts, config)
    values = config_for_card(trained)
    return train_network('similarity', cts, network, parts, config, values, out, agnostic, on)


def _isolation(network, cts, beside, config, agnostic):
    if len(cts) != 1 or agnostic:
        raise InputError('one bone is isolated: give one --ct, no --agnostic, others as --beside')
    scenes = BoneScenes(cts[0], beside, config.scene, config.loop.seed)
    return Part(IsolationLoss(network.isolation), scenes.draw, config.loop)


def _features(network, cts, config):
    """Return the Parts of strides and whole image."""
    scene = config.scene
    scenes = Scenes(cts, scene, config.loop.seed)
    distance_m = 1e-3 * scene.pose_range.source_to_isocentre_mm
    volume = network.volume and LearnedVolume(network.volume, scenes.volumes, scene.camera)
    loss = SimilarityLoss(network, config.loss, distance_m, volume)
    parts = [Part(loss, scenes.draw, config.loop)]
    if network.whole:
        whole = WholeImageLoss(network, config.whole.loss, distance_m)
        parts.append(Part(whole, scenes.shots_and_drrs, config.whole.loop, 'whole_image'))
    return parts
