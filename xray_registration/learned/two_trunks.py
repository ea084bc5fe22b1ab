"""
Encoders of two trunks: pooling transformers see the whole image, convolutions see detail.

`composite`: after each stage, what the convolutions have found is added to what the transformers
go on with.  `dual`: the trunks stay apart, and each makes half of the features, those of the
transformers first.

Source: Chen et al., arXiv:2305.06252 (SOPI, a composite encoder) and ISBI 2024 (CDreg, low and
high frequencies kept apart in two branches); Liu et al., AAAI 2020 (composite backbones).  Only
the ideas are theirs: the stages are those of learned/encoder.py.
"""

from dataclasses import replace
from itertools import pairwise

import torch
from torch import nn

from surgical_perception.errors import InputError
from xray_registration.learned.encoder import Encoder, standardised
from xray_registration.learned.residual import Residual


class CompositeEncoder(Encoder):
    """An Encoder whose stages hear from those of a residual network beside it."""

    def __init__(self, config):
        super().__init__(config)
        widths = config.widths
        self.beside = nn.ModuleList(
            Residual(before, after, 2) for before, after in pairwise((config.stem, *widths))
        )
        self.links = nn.ModuleList(nn.Conv2d(width, width, 1) for width in widths)

    def stage_features(self, image):
        """Return the features of each stage, fine ones first, of images [B, C, H, W]."""
        x = detail = self.stem(standardised(image))
        found = []
        for stage, beside, link in zip(self.stages, self.beside, self.links, strict=True):
            detail = beside(detail)
            x = stage(x) + link(detail)
            found.append(x)
        return found


class DualEncoder(nn.Module):
    """Two Encoders, with and without mixing over the image; features are put one after another."""

    def __init__(self, config):
        super().__init__()
        half = replace(config, channels=config.channels // 2)
        self.config = config
        self.low = Encoder(replace(half, mixing=True))
        self.high = Encoder(replace(half, mixing=False))

    def forward(self, image):
        """Return {stride: features} of images [B, in_channels, H, W]; see Encoder."""
        low, high = self.low(image), self.high(image)
        return {stride: torch.cat([low[stride], high[stride]], 1) for stride in low}


_ENCODERS = {'single': Encoder, 'composite': CompositeEncoder, 'dual': DualEncoder}


def encoder_of(config):
    """Return the untrained network of an EncoderConfig; raises InputError for unknown trunks."""
    if config.trunks not in _ENCODERS:
        raise InputError(
            f'encoder.trunks is {config.trunks!r}, expected one of {", ".join(_ENCODERS)}'
        )
    return _ENCODERS[config.trunks](config)
