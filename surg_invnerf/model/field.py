"""Colour and density of canonical points."""

import torch
from torch import nn
from torch.nn import functional

from surg_invnerf.model.feature_planes import FeaturePlanes

# Softplus of raw - 1: little density at the start, so that rays begin transparent.
_DENSITY_SHIFT = -1.0


class CanonicalField(nn.Module):
    """A multi-scale tri-plane with a small network: density and colour of canonical points."""

    def __init__(self, config):
        super().__init__()
        self.planes = FeaturePlanes(config.field_features, config.field_resolutions)
        self.layers = nn.Sequential(
            nn.Linear(self.planes.layout.width, config.field_hidden),
            nn.ReLU(inplace=True),
            nn.Linear(config.field_hidden, 4),
        )

    def forward(self, canonical):
        """Return colour [N, 3] in (0, 1) and density [N] > 0 of canonical points [N, 3]."""
        raw = self.layers(self.planes(canonical))
        return torch.sigmoid(raw[:, :3]), functional.softplus(raw[:, 3] + _DENSITY_SHIFT)
