"""
One training step of the isolation: what is left of an X-ray is the DRR from where it was taken.

    loss = mean over images of 1 - NCC(isolated X-ray, DRR)

which is the cost that Levenberg-Marquardt sees at the true pose.
"""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from xray_registration.training.mixed_precision import mixed

# Below this length an image is flat.
_TINY = 1e-6


class BoneShots(NamedTuple):
    """X-rays fixed [B, 1, H, W] in [0, 1], and line integrals of the bone alone [B, 1, H, W]."""

    fixed: torch.Tensor
    alone: torch.Tensor

    def to(self, device):
        """Return the BoneShots on another device."""
        return BoneShots(*(x.to(device) for x in self))


class IsolationLoss(nn.Module):
    """The loss of BoneShots; one module, so that a distributed trainer can wrap it."""

    def __init__(self, isolation):
        super().__init__()
        self.isolation = isolation

    def forward(self, shots):
        """Return (loss, {name: value}) of BoneShots."""
        found = mixed(self.isolation, shots.fixed)
        alone = functional.avg_pool2d(shots.alone, self.isolation.config.stride)
        ncc = (_unit(found) * _unit(alone)).sum((1, 2, 3))
        return (1 - ncc).mean(), {'NCC with the bone alone, median': ncc.median().item()}


def _unit(image):
    """Return images [B, 1, H, W] without their means and of length 1."""
    centred = image - image.mean((1, 2, 3), keepdim=True)
    return centred / (centred.square().sum((1, 2, 3), keepdim=True).sqrt() + _TINY)
