"""Trained heatmaps as the registration holds them: from an X-ray of any C-arm to landmarks."""

from dataclasses import asdict, dataclass

import numpy as np

from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.learned import weights
from xray_registration.learned.heatmaps import peaks
from xray_registration.learned.training_camera import as_seen_by
from xray_registration.learned.unet import Unet, UnetConfig

# Landmarks that are less probably there are left out; those that are wrong all the same are few
# enough for RANSAC.
_MIN_CONFIDENCE = 0.3

# Of a landmark's place in cells, however sharp its heatmap is: half the Gaussian of the training.
_MIN_SIGMA = 0.25


@dataclass(frozen=True)
class LandmarkNetworkConfig:
    """The heatmap network, the camera of its training, and {name: place in `ct` (m)}."""

    unet: UnetConfig
    camera: PinholeCamera
    points_m: dict[str, tuple[float, float, float]]

    def as_values(self):
        """Return plain values for a card."""
        return asdict(self)

    @classmethod
    def from_values(cls, values):
        """Return the config that a card holds as plain values."""
        points_m = {name: tuple(point) for name, point in values['points_m'].items()}
        return cls(
            UnetConfig.from_values(values['unet']), PinholeCamera(**values['camera']), points_m
        )

    def unet_of(self):
        """Return the Unet with one map for each landmark, untrained."""
        return Unet(self.unet, len(self.points_m))


class LandmarkNetwork:
    """Finds points of a CT in one X-ray, without a start."""

    def __init__(self, config, unet):
        """Take a LandmarkNetworkConfig, and a Unet in evaluation mode."""
        self.config, self._unet = config, unet
        self._points_m = np.array(list(config.points_m.values()))

    def sighting(self, view):
        """
        Return what one View shows with some confidence: points, pixels, sigma_px.

        points [N, 3] in `ct` (m); pixels [N, 2] of the view's image and their standard deviations
        [N] along either axis
        """
        seen = as_seen_by(view, self.config.camera)
        found = peaks(self._unet.maps(seen.image))
        stride = self.config.unet.stride
        pixels = stride * found.cells.numpy() + (stride - 1) / 2
        sigma_px = stride * np.maximum(found.sigma.numpy(), _MIN_SIGMA)
        used = found.confidence.numpy() > _MIN_CONFIDENCE
        return (
            self._points_m[used],
            seen.in_view(pixels[used]),
            seen.length_in_view(sigma_px[used]),
        )


def load_landmark_network(folder, ct_sha256, device='cpu'):
    """
    Return the LandmarkNetwork of a folder that `train landmarks` wrote.

    Raises InputError for weights that are damaged, of another kind, or of another CT.
    """
    config, unet = weights.load_network(
        folder,
        'landmarks',
        ct_sha256,
        LandmarkNetworkConfig.from_values,
        LandmarkNetworkConfig.unet_of,
        device,
    )
    return LandmarkNetwork(config, unet)
