"""A picture of what an isolation leaves of X-rays that it was not trained on."""

import cv2
import numpy as np
import torch

from xray_registration.training.bone_scenes import BoneScenes

_COUNT = 6
_SEED = 999  # of no training, whose default is 0
_ZOOM = 2


def draw_isolated(path, network, ct, beside, scene):
    """
    Draw some X-rays of a SceneConfig, what is left of them, and the bone alone; save a PNG.

    network    SimilarityNetwork with an isolation, of a CtImage; beside: CtImages of others
    """
    shots = BoneScenes(ct, beside, scene, _SEED).draw(_COUNT, 0)
    everything = np.ones((scene.image_size, scene.image_size), bool)
    with torch.no_grad():
        left = [network.isolation.alone(x, everything) for x in shots.fixed[:, 0].numpy()]
    save_rows(path, [shots.fixed[:, 0].numpy(), left, shots.alone[:, 0].numpy()])


def save_rows(path, rows):
    """Save rows of images [H, W], each stretched from black to white, as a picture."""
    picture = np.vstack([np.hstack([_stretched(image) for image in row]) for row in rows])
    cv2.imwrite(str(path), cv2.resize(picture, None, fx=_ZOOM, fy=_ZOOM))


def _stretched(image):
    low, high = float(image.min()), float(image.max())
    return np.uint8(255 * (image - low) / max(high - low, 1e-6))
