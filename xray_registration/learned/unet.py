"""
The network that turns an X-ray into maps: a U-Net whose output is coarser than its input.

Stages of two residual convolutions halve the image until a few locations see all of it; on the
way back each stage is joined by what its twin saw.  Group normalisation, since batches are small.

Source: Ronneberger et al., MICCAI 2015; Wu and He, ECCV 2018.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from surgical_perception.errors import InputError
from xray_registration.learned.encoder import standardised

_GROUPS = 8


@dataclass(frozen=True)
class UnetConfig:
    """Widths of the stages at strides 2, 4, 8, ..., and the stride of the output."""

    widths: tuple[int, ...] = (32, 64, 128, 256, 256)
    stride: int = 2

    @classmethod
    def from_values(cls, values):
        """Return the config that a card holds as plain values."""
        return cls(tuple(values['widths']), values['stride'])


class Unet(nn.Module):
    """Maps [B, channels, H/stride, W/stride] of images [B, 1, H, W]."""

    def __init__(self, config, channels):
        super().__init__()
        strides = [2 ** (stage + 1) for stage in range(len(config.widths))]
        if config.stride not in strides:
            raise InputError(f'stride is {config.stride}, expected one of {strides}')
        self.config, self.channels = config, channels
        self.coarsest = strides[-1]
        widths = (1, *config.widths)
        self.down = nn.ModuleList(_Stage(a, b, 2) for a, b in pairwise(widths))
        ups = range(len(strides) - 2, strides.index(config.stride) - 1, -1)
        self.up = nn.ModuleList(
            _Stage(config.widths[at] + config.widths[at + 1], config.widths[at], 1) for at in ups
        )
        self.head = nn.Conv2d(config.widths[strides.index(config.stride)], channels, 1)

    def forward(self, image):
        """Return maps of images [B, 1, H, W], H and W multiples of the coarsest stride."""
        x, twins = standardised(image), []
        for stage in self.down:
            x = stage(x)
            twins.append(x)
        twins.pop()
        for stage in self.up:
            twin = twins.pop()
            x = functional.interpolate(x, scale_factor=2.0, mode='bilinear')
            x = stage(torch.cat([twin, x], 1))
        return self.head(x)

    def maps(self, image):
        """Return maps [channels, h, w] of one image [H, W] in [0, 1] as an array; no training."""
        like = next(self.parameters())
        with torch.no_grad():
            found = self(torch.as_tensor(image, dtype=like.dtype, device=like.device)[None, None])
        return found[0].double().cpu()


class _Stage(nn.Module):
    """A convolution that may halve the image, and two beside a straight path."""

    def __init__(self, before, after, stride):
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False), _norm(after)
        )
        self.body = nn.Sequential(
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            _norm(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            _norm(after),
        )

    def forward(self, x):
        x = functional.relu(self.first(x))
        return functional.relu(x + self.body(x))


def _norm(width):
    return nn.GroupNorm(min(_GROUPS, width), width)
