"""
The invertible deformation between a frame's space and the canonical space.

Each block changes one coordinate by scale and shift that depend on the other two and on time
(RealNVP's coupling, Dinh et al. 2017), read from feature planes over those two and time (HexPlane,
Cao and Johnson 2023), so that the inverse is exact and costs as much as the forward map.
"""

import itertools

import torch
from torch import nn

from surg_invnerf.model.feature_planes import FeaturePlanes

_ORDER = (2, 0, 1)
# One block scales by at most e^0.5 and stays well conditioned in float32.
_GAIN = 0.5


class CouplingBlock(nn.Module):
    """Changes coordinate `axis` given the two others and time; the identity at the start."""

    def __init__(self, axis, config, time_axis):
        super().__init__()
        self.axis = axis
        self.others = tuple(i for i in range(3) if i != axis)
        self.planes = FeaturePlanes(
            config.features, config.resolutions, config.time_strides, time_axis
        )
        widths = (self.planes.layout.width, *config.hidden)
        layers = []
        for inside, outside in itertools.pairwise(widths):
            layers += [nn.Linear(inside, outside), nn.ReLU(inplace=True)]
        last = nn.Linear(widths[-1], 2)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(*layers, last)

    def scale_and_shift(self, points, slots):
        """Return (log scale, shift), [N] each."""
        first, second = self.others
        features = self.planes(torch.stack([points[first], points[second], slots], 1))
        scale, shift = self.layers(features).unbind(1)
        return _GAIN * torch.tanh(scale), _GAIN * shift


class InvertibleMapping(nn.Module):
    """Blocks for z, x, y, `rounds` times over; points are normalised [N, 3], slots [N]."""

    def __init__(self, config, time_axis):
        super().__init__()
        self.blocks = nn.ModuleList(
            CouplingBlock(axis, config, time_axis) for _ in range(config.rounds) for axis in _ORDER
        )

    def forward(self, points, slots):
        """Return canonical points [N, 3] of points at the times of slots."""
        points = list(points.unbind(1))
        for block in self.blocks:
            scale, shift = block.scale_and_shift(points, slots)
            points[block.axis] = points[block.axis] * torch.exp(scale) + shift
        return torch.stack(points, 1)

    def inverse(self, canonical, slots):
        """Return points [N, 3] at the times of slots of canonical points."""
        points = list(canonical.unbind(1))
        for block in reversed(self.blocks):
            scale, shift = block.scale_and_shift(points, slots)
            points[block.axis] = (points[block.axis] - shift) * torch.exp(-scale)
        return torch.stack(points, 1)

    def retime(self, axis, older):
        """Move all blocks to another TimeAxis; see FeaturePlanes.retime."""
        return [(block.planes.flat, block.planes.retime(axis, older)) for block in self.blocks]
