"""
The pose regressor: an X-ray in, the pose of the CT out, without any start.

A residual network with group normalisation (batches are small) ends in a translation of the
isocentre and a rotation.  The rotation is a rotation vector, or ten numbers that stand for the
adjugate of a quaternion: a symmetric 4x4 matrix, which is smooth over all rotations, whereas
vectors tear at half a turn.

Source: He et al., CVPR 2016; Wu and He, ECCV 2018; Lin et al., ICCV 2023 (adjugate).
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from surgical_perception.errors import InputError
from xray_registration.learned import geodesics
from xray_registration.learned.encoder import standardised
from xray_registration.learned.residual import Residual, group_norm

ROTATIONS = ('adjugate', 'log')

# Outputs of the network are of order one.
_UNIT_M = 0.1

# Upper triangle of a symmetric 4x4 matrix, row by row.
_ROWS, _COLUMNS = torch.triu_indices(4, 4)


@dataclass(frozen=True)
class RegressorConfig:
    """Sizes of the regressor: (64, 128, 256, 512) with two blocks each is a ResNet-18."""

    widths: tuple[int, ...] = (64, 128, 256, 512)
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    rotation: str = 'adjugate'


class Regressor(nn.Module):
    """Recentred poses [B, 4, 4] (m) of images [B, 1, H, W]; see geodesics.recentred."""

    def __init__(self, config):
        super().__init__()
        if config.rotation not in ROTATIONS:
            raise InputError(
                f'rotation is {config.rotation!r}, expected one of {", ".join(ROTATIONS)}'
            )
        self.config = config
        first = config.widths[0]
        layers = [
            nn.Conv2d(1, first, 7, stride=2, padding=3, bias=False),
            group_norm(first),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        ]
        for stage, (before, after) in enumerate(pairwise((first, *config.widths))):
            for number in range(config.blocks[stage]):
                stride = 2 if stage > 0 and number == 0 else 1
                layers.append(Residual(before if number == 0 else after, after, stride))
        self.body = nn.Sequential(*layers)
        # A coarse grid of places, not one average: where something is seen tells where it is.
        self.pool = nn.AdaptiveAvgPool2d(4)
        outputs = 3 + (10 if config.rotation == 'adjugate' else 3)
        self.head = nn.Linear(16 * config.widths[-1], outputs)

    def forward(self, image):
        """Return recentred poses [B, 4, 4] of images [B, 1, H, W]."""
        return self.poses(self.numbers(image))

    def numbers(self, image):
        """Return what stands for the poses, [B, 6 or 13], of images [B, 1, H, W]."""
        return self.head(self.pool(self.body(standardised(image))).flatten(1))

    def poses(self, found):
        """Return the recentred poses [B, 4, 4] that numbers stand for."""
        t = _UNIT_M * found[:, :3, None]
        if self.config.rotation == 'log':
            still = torch.zeros_like(found[:, :3])
            rotation = geodesics.exp(torch.cat([still, found[:, 3:]], 1))[:, :3, :3]
        else:
            rotation = rotation_from_adjugate(found[:, 3:])
        last = torch.zeros_like(found[:, :4]).unsqueeze(1)
        last[..., 3] = 1
        return torch.cat([torch.cat([rotation, t], 2), last], 1)


def rotation_from_adjugate(ten):
    """
    Return rotations [B, 3, 3] of ten numbers [B, 10], the upper triangle of q q^T.

    Of the four columns, each a multiple of q, the longest is taken: it is never near 0.
    """
    matrix = ten.new_zeros(len(ten), 4, 4)
    matrix[:, _ROWS, _COLUMNS] = ten
    matrix[:, _COLUMNS, _ROWS] = ten
    best = matrix.detach().square().sum(1).argmax(1)
    column = matrix[torch.arange(len(ten), device=ten.device), :, best]
    w, x, y, z = functional.normalize(column, dim=1).unbind(1)
    return torch.stack(
        [
            1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
            2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
            2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
        ],
        1,
    ).reshape(-1, 3, 3)  # fmt: skip
