"""
3D networks that add learned channels to the CT before it is projected.

Their output is added to the attenuation, repeated once per channel, so that an untrained network
changes nothing.  The isotropic one has kernels with one weight per distance from the centre: it
gives the same for a turned body as for the body, turned (exactly for turns that take the grid to
itself).  The steerable one does so too and sees directions.  The plain one has free kernels and is
there to be compared with.

Source: Chen and Kong, WACV 2026 (that there is one, and that it matters; sizes and role are ours);
Andrearczyk et al., 2019 (isotropic kernels).
"""

import functools
import itertools
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from surgical_perception.errors import InputError
from xray_registration.learned.steerable import SteerableConv3d, gate

# Attenuation in units of this (1/m) is of order one in a body: water has 20 to 27.
_UNIT_PER_M = 25.0

KINDS = ('isotropic', 'steerable', 'plain', 'none')


@dataclass(frozen=True)
class VolumeNetworkConfig:
    """Sizes of the 3D network."""

    kind: str = 'isotropic'
    width: int = 8  # scalars; and half as many vectors where it is steerable
    layers: int = 3
    side: int = 3  # of the kernels: 3 or 5 voxels
    channels: int = 3  # of the volume that is projected


class VolumeNetwork(nn.Module):
    """Turns attenuation [Z, Y, X] (1/m) into channels [C, Z, Y, X] (1/m)."""

    def __init__(self, config):
        super().__init__()
        if config.kind not in KINDS[:-1]:
            raise InputError(f'kind is {config.kind!r}, expected one of {", ".join(KINDS)}')
        self.channels = config.channels
        self.layers = nn.ModuleList(_layers(config))
        self._activation = functional.relu
        if config.kind == 'steerable':
            self._activation = functools.partial(
                gate, scalars=config.width, vectors=config.width // 2
            )
        for parameter in self.layers[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, mu_per_m):
        """Return the channels [C, Z, Y, X]; outside a body, where mu is 0, they are 0."""
        x = (mu_per_m / _UNIT_PER_M)[None, None]
        for layer in self.layers[:-1]:
            x = self._activation(layer(x))
        learned = self.layers[-1](x)[0]
        # Air must stay transparent: what the network makes of it fades out with the attenuation.
        return mu_per_m[None] * (1 + learned)


class IsotropicConv3d(nn.Module):
    """A 3D convolution whose weights depend on the distance from the kernel's centre only."""

    def __init__(self, inputs, outputs, side):
        super().__init__()
        axis = torch.arange(side) - side // 2
        squared = axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis**2
        shells, index = torch.unique(squared, return_inverse=True)
        self.register_buffer('shell', index, persistent=False)
        count = torch.bincount(index.flatten()).float()
        scale = (2 / inputs) ** 0.5 / (len(shells) * count.sqrt())
        self.weight = nn.Parameter(torch.randn(outputs, inputs, len(shells)) * scale)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        kernel = self.weight[:, :, self.shell]
        return functional.conv3d(x, kernel, self.bias, padding=self.shell.shape[0] // 2)


def _layers(config):
    if config.kind == 'steerable':
        vectors = config.width // 2
        made = (config.width + vectors, vectors)  # a gate for each vector
        inputs = [(1, 0)] + [(config.width, vectors)] * (config.layers - 1)
        outputs = [made] * (config.layers - 1) + [(config.channels, 0)]
        return [SteerableConv3d(a, b, config.side) for a, b in zip(inputs, outputs, strict=True)]
    layer = IsotropicConv3d if config.kind == 'isotropic' else _plain
    widths = [1] + [config.width] * (config.layers - 1) + [config.channels]
    return [layer(a, b, config.side) for a, b in itertools.pairwise(widths)]


def _plain(inputs, outputs, side):
    return nn.Conv3d(inputs, outputs, side, padding=side // 2)
