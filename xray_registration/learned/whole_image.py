"""
The network that makes one point of a whole image: where two of them lie says how far poses are.

Local features only see what is within their reach, so a cost made of them is flat, or leads
elsewhere, where the DRR is far off.  One point for the image is trained to lie as far from another
one as the poses do on SO(4) (training/whole_image_loss.py): its cost is the squared geodesic
distance as far as the network can tell it, and has one valley.  What it cannot see is detail.

Activations are smooth: Levenberg-Marquardt follows the network's derivative, and that of kinks
says little about where a step ends.

Source: He et al., CVPR 2016 (residual networks); the point and its training are ours.
"""

from dataclasses import dataclass
from itertools import pairwise

from torch import nn

from xray_registration.learned.encoder import standardised
from xray_registration.learned.residual import Residual, group_norm

# In the place of a stride: what it is of has one location.
WHOLE = 0

# The last stage's features are kept on such a grid: where something is seen tells where it is.
_GRID = 4

# Stages that halve the image; those after them see all of it.
_HALVING = 2


@dataclass(frozen=True)
class WholeImageConfig:
    """Sizes: widths of the stages, of which the second and third halve the image once more."""

    widths: tuple[int, ...] = (32, 64, 128, 256)
    channels: int = 32  # of the point's features


class WholeImage(nn.Module):
    """The features of one location, as an Encoder gives those of its strides."""

    def __init__(self, config):
        super().__init__()
        first = config.widths[0]
        stages = [
            Residual(before, after, 2 if 0 < number <= _HALVING else 1, nn.GELU)
            for number, (before, after) in enumerate(pairwise((first, *config.widths)))
        ]
        self.body = nn.Sequential(
            nn.Conv2d(1, first, 5, stride=2, padding=2, bias=False),
            group_norm(first),
            nn.GELU(),
            *stages,
            nn.AdaptiveAvgPool2d(_GRID),
        )
        self.head = nn.Linear(_GRID**2 * config.widths[-1], config.channels)

    def forward(self, image):
        """Return {WHOLE: features [B, channels, 1, 1]} of images [B, 1, H, W]."""
        features = self.head(self.body(standardised(image)).flatten(1))
        return {WHOLE: features[:, :, None, None]}
