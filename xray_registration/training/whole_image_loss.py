"""
One training step of the whole image's point: points of two X-rays lie as far apart as their poses.

    loss = mean over pairs of | |Phi_a - Phi_b| - |H_a - H_b|_F / 2 |

with H / 2 the poses as unit vectors of SO(4) (learned/geodesics.py), so that 1 - Phi_a . Phi_b
becomes the squared geodesic distance / 16 f^2.  Every X-ray of a batch is compared with every
other one; no DRR and no Jacobian is needed, which makes it ten times as cheap as the similarity's
other terms.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from xray_registration.learned.geodesics import recentred, rotation4
from xray_registration.learned.whole_image import WHOLE
from xray_registration.training.mixed_precision import mixed
from xray_registration.training.scenes import Batch, Shots

# Below this distance (squared) the root's derivative is left to fall to 0.
_TINY = 1e-8


@dataclass(frozen=True)
class WholeImageLossConfig:
    """What the point of the whole image is trained on."""

    shots: int = 32  # X-rays in a batch
    # A degree weighs as much as 5 mm, as in RegressorLossConfig.
    focal_mm: float = 150.0


class Lesson(NamedTuple):
    """What one step is of: pairs for the strides, X-rays for the whole image."""

    pairs: Batch
    shots: Shots

    def to(self, device):
        """Return the Lesson on another device."""
        return Lesson(self.pairs.to(device), self.shots.to(device))


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


class LessonLoss(nn.Module):
    """The loss of a Lesson; one module, so that a distributed trainer can wrap it."""

    def __init__(self, of_pairs, of_shots):
        """Take a SimilarityLoss and a WholeImageLoss."""
        super().__init__()
        self.of_pairs, self.of_shots = of_pairs, of_shots

    def forward(self, lesson):
        """Return (loss, {name: value}) of a Lesson."""
        by_pairs, report = self.of_pairs(lesson.pairs)
        by_shots, more = self.of_shots(lesson.shots)
        return by_pairs + by_shots, report | more
