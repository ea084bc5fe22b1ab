"""Train scene coordinates: from a CT and a preset to weights with a card."""

import torch

from xray_registration.learned.coordinate_network import CoordinateNetworkConfig
from xray_registration.training.coordinate_loss import CoordinateLoss, EntryShots
from xray_registration.training.entry_points import EntryPoints
from xray_registration.training.scenes import Scenes
from xray_registration.training.train_network import Part, train_network


def train_coordinates(ct, config, out, on=None):
    """
    Train until the configured steps are done; return the Card.

    ct         CtImage
    config     CoordinateTraining
    out, on    as in train_network, and so is what is raised
    """
    scene = config.scene
    centre_m = tuple(ct.isocentre_m.tolist())
    distance_mm = scene.pose_range.source_to_isocentre_mm
    about = CoordinateNetworkConfig(config.unet, scene.camera, centre_m, distance_mm)
    torch.manual_seed(config.loop.seed)
    module = CoordinateLoss(about.unet_of(), about)
    shots = EntryScenes(ct, config)
    values = about.as_values()
    part = Part(module, shots.draw, config.loop)
    return train_network(
        'scene-coordinates', [ct], module.unet, [part], config, values, out, on=on
    )


class EntryScenes:
    """Draws EntryShots of a CT; the same seed draws the same."""

    def __init__(self, ct, config):
        """Take a CtImage and a CoordinateTraining."""
        self._scenes = Scenes([ct], config.scene, config.loop.seed)
        self._entry_points = EntryPoints(ct)
        # The ray through the middle of the pixels that a location stands for.
        self._camera = config.scene.camera.binned(config.unet.stride)

    def draw(self, count, step):
        """Return EntryShots number `step`, of `count` X-rays."""
        shots = self._scenes.shots(count, step)
        points = self._entry_points.seen(self._camera, shots.truth.numpy())
        return EntryShots(shots.fixed, torch.as_tensor(points).permute(0, 3, 1, 2).contiguous())
