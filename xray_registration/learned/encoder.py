"""
The network that turns an image into features: convolutions, then pooling transformers.

The same weights encode X-ray and DRR.  Two convolutions see edges; four stages halve the image
and mix each location with its surroundings and with the whole; a pyramid head puts what the coarse
stages know back onto the finer grid.  Only operations with a forward derivative are used, since
Levenberg-Marquardt pushes the six Jacobian images of a DRR through it.

Source: Chen and Kong, WACV 2026 (a CNN-Transformer); Yu et al., CVPR 2022 (pooling instead of
attention); Lin et al., CVPR 2017 (pyramid head).  Sizes are our choice.
"""

import itertools
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

# Below this variance an image is flat.
_EPS = 1e-5


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes of the encoder; `strides` are those of its outputs, coarse ones first."""

    stem: int = 8
    widths: tuple[int, ...] = (16, 32, 64, 64)
    blocks: int = 2
    channels: int = 16  # of the features
    strides: tuple[int, ...] = (16, 4)
    in_channels: int = 1
    mixing: bool = True  # whether a location hears from the whole image; without, it is a CNN
    trunks: str = 'single'  # or composite, dual: learned/two_trunks.py


class Encoder(nn.Module):
    """Features [B, channels, H/s, W/s] of images [B, in_channels, H, W], one for every stride."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        stem = config.stem
        self.stem = nn.Sequential(
            nn.Conv2d(config.in_channels, stem, 3, padding=1),
            nn.InstanceNorm2d(stem, affine=True),
            nn.ReLU(),
            nn.Conv2d(stem, stem, 3, padding=1),
            nn.InstanceNorm2d(stem, affine=True),
            nn.ReLU(),
        )
        widths = (stem, *config.widths)
        self.stages = nn.ModuleList(
            nn.Sequential(_Halve(a, b), *(_Block(b, config.mixing) for _ in range(config.blocks)))
            for a, b in itertools.pairwise(widths)
        )
        lateral = max(config.channels, config.widths[0])
        self.lateral = nn.ModuleList(nn.Conv2d(width, lateral, 1) for width in config.widths)
        self.heads = nn.ModuleDict(
            {str(stride): nn.Conv2d(lateral, config.channels, 3, padding=1)
             for stride in config.strides}
        )  # fmt: skip

    def forward(self, image):
        """Return {stride: features} of images [B, in_channels, H, W], H and W multiples of 16."""
        stages = self.stage_features(image)
        found, down = {}, None
        for index in reversed(range(len(stages))):
            here = self.lateral[index](stages[index])
            if down is not None:
                size = here.shape[-2:]
                here = here + functional.interpolate(down, size, mode='bilinear')
            down = here
            stride = 2 ** (index + 1)
            if str(stride) in self.heads:
                found[stride] = self.heads[str(stride)](down)
        return found

    def stage_features(self, image):
        """Return the features of each stage, fine ones first, of images [B, C, H, W]."""
        x, found = self.stem(standardised(image)), []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


def standardised(image):
    """Return images [B, C, H, W] with mean 0 and variance 1, each by itself."""
    mean = image.mean((1, 2, 3), keepdim=True)
    variance = (image - mean).square().mean((1, 2, 3), keepdim=True)
    return (image - mean) / torch.sqrt(variance + _EPS)


class _Halve(nn.Module):
    """Patches of 2x2 pixels become one location."""

    def __init__(self, before, after):
        super().__init__()
        self.embed = nn.Conv2d(before, after, 2, stride=2)
        self.norm = nn.GroupNorm(1, after)

    def forward(self, x):
        return self.norm(self.embed(x))


class _Block(nn.Module):
    """A transformer block in which the average of the image, if mixed in, stands for attention."""

    def __init__(self, width, mixing, ratio=2):
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(1, width), nn.GroupNorm(1, width)])
        self.gain = nn.Parameter(torch.full((width, 1, 1), 0.1)) if mixing else None
        # One 3x3 depthwise convolution tells a location from its neighbours.
        self.local = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.mlp = nn.Sequential(
            nn.Conv2d(width, ratio * width, 1), nn.GELU(), nn.Conv2d(ratio * width, width, 1)
        )

    def forward(self, x):
        y = self.norms[0](x)
        if self.gain is not None:
            x = x + self.gain * (y.mean((2, 3), keepdim=True) - y)
        x = x + self.local(y)
        return x + self.mlp(self.norms[1](x))
