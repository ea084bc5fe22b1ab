"""
One training step of a learned similarity: where its gradient points, and where its steps land.

The six Jacobian images of the DRR are pushed through the encoder as Levenberg-Marquardt pushes
them at inference; gradient and Gauss-Newton Hessian by the pose follow.  Their derivative by the
weights runs through the ray march only where the CT itself goes through a network.
"""

from dataclasses import dataclass

import torch
from torch import nn

from xray_registration.learned import geodesics
from xray_registration.learned.losses import (
    decomposition_loss,
    direction_loss,
    geodesic_gradient,
    landing_loss,
)
from xray_registration.learned.tangents import gauss_newton, pushed

# Of the steps whose landing is asked for; Levenberg-Marquardt begins with less.
_DAMPING = 0.03

# A degree weighs as much as 5 mm there, which is what it moves bone by.
_LANDING_FOCAL_MM = 150.0

# Below this distance there is nothing more to gain for a lead-in.
_ENOUGH_MM = 1.0


@dataclass(frozen=True)
class SimilarityLossConfig:
    """What the similarity is asked for."""

    geodesic: str = 'so4'
    focal_mm: float = 1020.0
    polar: bool = False
    direction_weight: float = 1.0
    # Of the distance that one step leaves, as a share of what it was; 0 is the source's loss.
    landing_weight: float = 1.0
    # Of what the two halves of the features have in common; for encoders of dual trunks.
    decomposition_weight: float = 0.0
    # Offsets, as shares of the largest, that each stride is trained on: coarse features lead in
    # from afar, fine ones end.  Both see those in between.
    coarse_above: float = 0.1
    fine_below: float = 0.4


class SimilarityLoss(nn.Module):
    """The loss of a Batch; one module, so that a distributed trainer can wrap it."""

    def __init__(self, network, config, source_to_isocentre_m, volume=None):
        """Take a SimilarityNetwork, and a LearnedVolume where it has a network of the volume."""
        super().__init__()
        self.encoder, self._manifold = network.encoder, network.manifold
        self.volume, self.config = volume, config
        self._distance_m = source_to_isocentre_m

    def forward(self, batch):
        """Return (loss, {name: value}) of a Batch."""
        config = self.config
        total, report = 0.0, {}
        measured = self.measured(batch)
        coarsest = max(measured)
        for stride, (direction, left) in measured.items():
            trained = batch.offset <= config.fine_below
            if stride == coarsest:
                trained = batch.offset >= config.coarse_above
            if not trained.any():
                continue
            direction, left = direction[trained].mean(), left[trained]
            total = total + config.direction_weight * direction
            total = total + config.landing_weight * torch.log1p(left).mean()
            report[f'direction, stride {stride}'] = direction.item()
            report[f'left after a step, stride {stride}'] = left.median().item()
        if config.decomposition_weight:
            shared = self._decomposition(batch)
            total = total + config.decomposition_weight * shared
            report['decomposition'] = shared.item()
        return total, report

    def _decomposition(self, batch):
        moving = batch.moving
        pairs = self.encoder(moving), self.encoder(batch.fixed.expand_as(moving))
        losses = [decomposition_loss(pairs[0][s], pairs[1][s]).mean() for s in pairs[0]]
        return sum(losses) / len(losses)

    def measured(self, batch):
        """
        Return {stride: (direction [B], left [B])} of a Batch.

        direction   losses.direction_loss; left   share of the distance that one step leaves
        """
        config = self.config
        wanted = geodesic_gradient(
            batch.start.double(),
            batch.truth.double(),
            batch.isocentre_m.double(),
            self._distance_m,
            config.geodesic,
            config.focal_mm,
            config.polar,
        ).float()
        moving, columns = batch.moving, batch.columns.transpose(0, 1)[:, :, None]
        if self.volume:
            moving, columns = self.volume(batch)
        fixed = self._points(batch.fixed.expand_as(moving))
        points, moved = pushed(self._points, moving, columns)
        found = {}
        for stride in fixed:
            gradient, hessian = gauss_newton(
                self._manifold, points[stride], moved[stride], fixed[stride]
            )
            found[stride] = (
                direction_loss(gradient, wanted),
                self._left(gradient, hessian, batch),
            )
        return found

    def _left(self, gradient, hessian, batch):
        """Return the share [B] of the distance to the truth that one damped step leaves."""
        about = batch.isocentre_m, self._distance_m, self.config.geodesic, _LANDING_FOCAL_MM
        landed = landing_loss(gradient, hessian, batch.start, batch.truth, *about, _DAMPING)
        before = geodesics.distance_mm(
            geodesics.recentred(batch.start, *about[:2]),
            geodesics.recentred(batch.truth, *about[:2]),
            *about[2:],
        )
        return landed / (before + _ENOUGH_MM)

    def _points(self, image):
        return {s: self._manifold.point(f) for s, f in self.encoder(image).items()}
