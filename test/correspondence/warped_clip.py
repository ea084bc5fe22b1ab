"""Frames of a plane that moves by known affine maps: every correspondence is known exactly."""

import cv2
import numpy as np

from surg_invnerf.camera import StereoCamera
from surg_invnerf.observations import FrameObservation, Observations
from surgical_perception.geometry.camera import PinholeCamera

WIDTH, HEIGHT = 160, 128
_MARGIN = 60


class WarpedClip:
    """Frames of a random texture; frame k is it, shifted, turned and scaled k times a little."""

    def __init__(self, frames, shift=(1.2, -0.7), turn_deg=0.3, growth=1.002, seed=0):
        self._maps = [_power(shift, turn_deg, growth, k) for k in range(frames)]
        self._texture = _texture(np.random.default_rng(seed))

    def targets(self, source, target, pixels):
        """Return where pixels [M, 2] of one frame lie in another."""
        there = self._maps[target] @ np.linalg.inv(self._maps[source])
        return np.asarray(pixels, float) @ there[:2, :2].T + there[:2, 2]

    def observations(self):
        """Return Observations of all frames, without correspondences."""
        camera = StereoCamera(
            PinholeCamera(WIDTH, HEIGHT, 150.0, 150.0, WIDTH / 2, HEIGHT / 2), 0.004
        )
        observations = Observations(camera)
        for index in range(len(self._maps)):
            observations.add(frame(index, self.image(index)))
        return observations

    def image(self, index):
        """Return a frame [H, W, 3] uint8."""
        shown = self._maps[index] @ np.array([[1, 0, -_MARGIN], [0, 1, -_MARGIN], [0, 0, 1.0]])
        grey = cv2.warpAffine(self._texture, shown[:2], (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC)
        return np.repeat(grey[..., None], 3, -1)


def frame(index, image, usable=None):
    """Return a FrameObservation of an image at a depth of 80 mm."""
    depth_m = np.full(image.shape[:2], 0.08, np.float32)
    if usable is None:
        usable = np.ones(image.shape[:2], bool)
    return FrameObservation(
        index, index, image, depth_m, depth_m * 0 + 1e-3, usable, None, np.eye(4)
    )


def _power(shift, turn_deg, growth, k):
    """Return the affine map [3, 3] of a frame: about the image's centre, k steps at once."""
    angle = np.radians(turn_deg * k)
    turn = growth**k * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([WIDTH, HEIGHT]) / 2
    result = np.eye(3)
    result[:2, :2] = turn
    result[:2, 2] = centre - turn @ centre + k * np.asarray(shift)
    return result


def _texture(random):
    """Return smooth noise of several scales, uint8, with a margin around the image."""
    shape = (HEIGHT + 2 * _MARGIN, WIDTH + 2 * _MARGIN)
    scales = (1.5, 4, 12)
    layers = [cv2.GaussianBlur(random.normal(size=shape), (0, 0), s) for s in scales]
    mixed = sum(layer / layer.std() for layer in layers)
    return cv2.normalize(mixed, None, 20, 235, cv2.NORM_MINMAX).astype(np.uint8)
