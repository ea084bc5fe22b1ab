"""
One training step of the scene coordinates: a Laplace distribution around each entry point.

The network says how far off it expects to be; locations that it is sure of cost more where it
is wrong.  Source: Kendall and Gal, NIPS 2017 (learned scale), with the absolute error of SCR.
"""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from xray_registration.training.mixed_precision import mixed

# Errors are compared in this unit, so that the loss is of order one.
_UNIT_M = 0.1

# Nothing is known better than a tenth of a millimetre; a scale of 0 would cost nothing.
_MIN_LOG_SCALE = -9.2


class EntryShots(NamedTuple):
    """X-rays fixed [B, 1, H, W], and where rays enter bone: points_m [B, 3, h, w], else NaN."""

    fixed: torch.Tensor
    points_m: torch.Tensor

    def to(self, device):
        """Return the EntryShots on another device."""
        return EntryShots(*(x.to(device) for x in self))


class CoordinateLoss(nn.Module):
    """The loss of EntryShots; one module, so that a distributed trainer can wrap it."""

    def __init__(self, unet, config):
        """Take a Unet and its CoordinateNetworkConfig."""
        super().__init__()
        self.unet, self._config = unet, config

    def forward(self, shots):
        """Return (loss, {name: value}) of EntryShots."""
        found = self._config.coordinates(mixed(self.unet, shots.fixed))
        enters = torch.isfinite(shots.points_m).all(1)
        surely = binary_cross_entropy_with_logits(found.logit, enters.to(found.logit))
        away_m = (found.points_m - shots.points_m).movedim(1, -1)[enters]
        log_scale = found.log_scale[enters].clamp(min=_MIN_LOG_SCALE)
        if not len(away_m):
            return surely, {}
        scale = log_scale.exp()[:, None]
        placed = (away_m.abs() / scale + torch.log(scale / _UNIT_M)).sum(-1).mean()
        right = ((found.logit > 0) == enters).float().mean()
        return surely + placed, {
            'error mm, median': 1e3 * away_m.detach().norm(dim=-1).median().item(),
            'bone told from air, share': right.item(),
        }
