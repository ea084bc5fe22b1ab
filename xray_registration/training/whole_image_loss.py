"""
One training step of the whole image's point: points of two images lie as far apart as their poses.

    loss = mean over pairs of | |Phi_a - Phi_b| - |H_a - H_b|_F / 2 |

with H / 2 the poses as unit vectors of SO(4) (learned/geodesics.py), so that 1 - Phi_a . Phi_b
becomes the squared geodesic distance / 16 f^2.  Every image of a batch, X-ray or DRR, is compared
with every other one; no Jacobian is needed, which makes an image ten times as cheap as a pair of
the similarity's other loss.
"""

from dataclasses import dataclass

import torch
from torch import nn

from xray_registration.learned.geodesics import recentred, rotation4
from xray_registration.learned.whole_image import WHOLE
from xray_registration.training.mixed_precision import mixed

# Below this distance (squared) the root's derivative is left to fall to 0.
_TINY = 1e-8


@dataclass(frozen=True)
class WholeImageLossConfig:
    """What the point of the whole image is asked for."""

    # A degree weighs as much as 5 mm, as in RegressorLossConfig.
    focal_mm: float = 150.0


class WholeImageLoss(nn.Module):
    """The loss of Shots."""

    def __init__(self, network, config, source_to_isocentre_m):
        """Take a SimilarityNetwork that has `whole`."""
        super().__init__()
        self.whole, self._manifold = network.whole, network.manifold
        self.config, self._distance_m = config, source_to_isocentre_m

    def forward(self, shots):
        """Return (loss, {name: value}) of Shots."""
        points = self._manifold.point(mixed(self.whole, shots.fixed)[WHOLE])
        a, b = torch.triu_indices(len(points), len(points), 1, device=points.device)
        found = (2 * self._manifold.cost(points[a], points[b]).flatten() + _TINY).sqrt()
        poses = recentred(shots.truth, shots.isocentre_m, self._distance_m)
        unit = 0.5 * rotation4(poses, self.config.focal_mm).flatten(1)
        off = (found - (unit[a] - unit[b]).norm(dim=1)).abs().mean()
        mm = 4 * self.config.focal_mm * off.item()
        return off, {'distances of whole images off by mm': mm}
