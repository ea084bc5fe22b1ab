"""
One training step of a learned similarity: its gradient by the pose against the geodesic's.

The six Jacobian images of the DRR are constants, so the pose gradient of the similarity is the
image gradient times them, and the derivative of that by the weights never runs through the ray
march.
"""

from dataclasses import dataclass

import torch
from torch import nn

from xray_registration.learned.losses import direction_loss, geodesic_gradient


@dataclass(frozen=True)
class SimilarityLossConfig:
    """What the similarity is asked for."""

    geodesic: str = 'so4'
    focal_mm: float = 1020.0
    polar: bool = False
    # Offsets, as shares of the largest, that each stride is trained on: coarse features lead in
    # from afar, fine ones end.  Both see those in between.
    coarse_above: float = 0.1
    fine_below: float = 0.4


class SimilarityLoss(nn.Module):
    """The loss of a Batch; one module, so that a distributed trainer can wrap it."""

    def __init__(self, network, config, source_to_isocentre_m):
        """Take a SimilarityNetwork whose volume network, if any, is not trained here."""
        super().__init__()
        self.encoder, self._manifold = network.encoder, network.manifold
        self.config = config
        self._distance_m = source_to_isocentre_m

    def forward(self, batch):
        """Return (loss, {name: value}) of a Batch."""
        config, manifold = self.config, self._manifold
        wanted = geodesic_gradient(
            batch.start.double(),
            batch.truth.double(),
            batch.isocentre_m.double(),
            self._distance_m,
            config.geodesic,
            config.focal_mm,
            config.polar,
        ).float()
        moving = batch.moving.clone().requires_grad_()
        fixed, drawn = self.encoder(batch.fixed), self.encoder(moving)
        total, report = 0.0, {}
        coarsest = max(fixed)
        for stride in fixed:
            points = manifold.point(drawn[stride]), manifold.point(fixed[stride])
            cost = manifold.cost(*points).mean((1, 2))
            # The encoder treats each image by itself, so one call gives every image's gradient.
            (pull,) = torch.autograd.grad(cost.sum(), moving, create_graph=True)
            gradient = (pull * batch.columns).sum((2, 3))
            if stride == coarsest:
                trained = batch.offset >= config.coarse_above
            else:
                trained = batch.offset <= config.fine_below
            if not trained.any():
                continue
            loss = direction_loss(gradient[trained], wanted[trained]).mean()
            total = total + loss
            report[f'direction, stride {stride}'] = loss.item()
        return total, report
