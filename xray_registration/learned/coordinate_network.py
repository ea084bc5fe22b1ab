"""Trained scene coordinates as the registration holds them: from an X-ray to points of the CT."""

from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import torch

from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.learned import weights
from xray_registration.learned.training_camera import as_seen_by
from xray_registration.learned.unet import Unet, UnetConfig

# Outputs of the network are of order one.
_UNIT_M = 0.1
_CHANNELS = 5

# No point is known better than this, whatever the network says.
_MIN_SIGMA_M = 1e-3

# Rays that less probably enter the bone are left out.
_MIN_CONFIDENCE = 0.5

# A location is used where more of its pixels may be than not.
_MIN_COVERED = 0.5


class Coordinates(NamedTuple):
    """
    What maps of a network say for each location, h x w of them.

    points_m     [..., 3, h, w] in `ct`: where the ray enters the bone
    log_scale    [..., h, w] log of the scale (m) of its error, a Laplace distribution's
    logit        [..., h, w] of the probability that it enters any
    """

    points_m: torch.Tensor
    log_scale: torch.Tensor
    logit: torch.Tensor


@dataclass(frozen=True)
class CoordinateNetworkConfig:
    """The network, the camera of its training, and the middle of the CT (m), where 0 is."""

    unet: UnetConfig
    camera: PinholeCamera
    centre_m: tuple[float, float, float]
    source_to_isocentre_mm: float

    def as_values(self):
        """Return plain values for a card."""
        return asdict(self)

    @classmethod
    def from_values(cls, values):
        """Return the config that a card holds as plain values."""
        return cls(
            UnetConfig.from_values(values['unet']),
            PinholeCamera(**values['camera']),
            tuple(values['centre_m']),
            values['source_to_isocentre_mm'],
        )

    def unet_of(self):
        """Return the Unet, untrained."""
        return Unet(self.unet, _CHANNELS)

    def coordinates(self, maps):
        """Return the Coordinates that maps [..., 5, h, w] stand for."""
        centre = torch.as_tensor(self.centre_m, dtype=maps.dtype, device=maps.device)
        points = _UNIT_M * maps[..., :3, :, :] + centre[:, None, None]
        log_scale = maps[..., 3, :, :] + float(np.log(_UNIT_M))
        return Coordinates(points, log_scale, maps[..., 4, :, :])


class CoordinateNetwork:
    """Finds for each location of an X-ray the point of the CT's bone that its ray meets first."""

    def __init__(self, config, unet):
        """Take a CoordinateNetworkConfig, and a Unet in evaluation mode."""
        self.config, self._unet = config, unet

    def sighting(self, view):
        """
        Return what one View shows with some confidence: points, pixels, sigma_px.

        points [N, 3] in `ct` (m); pixels [N, 2] of the view's image and their standard deviations
        [N] along either axis
        """
        config, stride = self.config, self.config.unet.stride
        seen = as_seen_by(view, config.camera)
        found = config.coordinates(self._unet.maps(seen.image))
        v, u = np.indices(found.logit.shape).reshape(2, -1)
        pixels = stride * np.column_stack([u, v]) + (stride - 1) / 2
        rows, columns = found.logit.shape
        share = seen.covered.reshape(rows, stride, columns, stride).mean((1, 3))
        used = (found.logit.sigmoid().numpy() > _MIN_CONFIDENCE) & (share > _MIN_COVERED)
        # A Laplace distribution of scale b has a standard deviation of sqrt(2) b.
        sigma_m = np.maximum(np.sqrt(2) * found.log_scale.exp().numpy(), _MIN_SIGMA_M)
        sigma_px = sigma_m * config.camera.fx / (1e-3 * config.source_to_isocentre_mm)
        used = used.ravel()
        return (
            found.points_m.numpy().reshape(3, -1).T[used],
            seen.in_view(pixels[used]),
            seen.length_in_view(sigma_px.ravel()[used]),
        )


def load_coordinate_network(folder, ct_sha256, device='cpu'):
    """
    Return the CoordinateNetwork of a folder that `train scene-coordinates` wrote.

    Raises InputError for weights that are damaged, of another kind, or of another CT.
    """
    config, unet = weights.load_network(
        folder,
        'scene-coordinates',
        ct_sha256,
        CoordinateNetworkConfig.from_values,
        CoordinateNetworkConfig.unet_of,
        device,
    )
    return CoordinateNetwork(config, unet)
