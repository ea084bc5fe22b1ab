"""Train the heatmaps of landmarks: from a CT and a preset to weights with a card."""

import torch

from surgical_perception.errors import InputError
from xray_registration.learned.landmark_network import LandmarkNetworkConfig
from xray_registration.training.landmark_loss import LandmarkLoss
from xray_registration.training.scenes import Scenes
from xray_registration.training.spread_points import spread_points
from xray_registration.training.train_network import Part, train_network

# Below this a pose from those that are seen would hang on each of them.
_MIN_LANDMARKS = 6


def train_landmarks(ct, config, out, points_m=None, on=None):
    """
    Train until the configured steps are done; return the Card.

    ct          CtImage
    config      LandmarkTraining
    points_m    {name: [3] in `ct` (m)} that are to be found; None spreads some over the bone
    out, on     as in train_network

    Raises InputError for fewer than six points, and for what train_network refuses.
    """
    scene = config.scene
    if points_m is None:
        # What the image shows around the middle of the CT when the C-arm is centred.
        share = scene.pose_range.source_to_isocentre_mm / scene.sdd_mm
        points_m = spread_points(ct, config.landmarks, 0.5e-3 * scene.field_mm * share)
    if len(points_m) < _MIN_LANDMARKS:
        raise InputError(
            f'{len(points_m)} landmarks are too few to tell a pose by: give {_MIN_LANDMARKS} at '
            'least'
        )
    places = {name: tuple(float(x) for x in point) for name, point in points_m.items()}
    about = LandmarkNetworkConfig(config.unet, scene.camera, places)
    torch.manual_seed(config.loop.seed)
    module = LandmarkLoss(about.unet_of(), about)
    scenes = Scenes([ct], scene, config.loop.seed)
    part = Part(module, scenes.shots, config.loop)
    return train_network(
        'landmarks', [ct], module.unet, [part], config, about.as_values(), out, on=on
    )
