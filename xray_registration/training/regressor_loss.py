"""One training step of the pose regressor: the geodesic distance of its poses to the truth."""

from dataclasses import dataclass

from torch import nn

from xray_registration.learned.geodesics import distance_mm, recentred
from xray_registration.training.mixed_precision import mixed

# Distances begin at hundreds of mm; the loss is of order one.
_UNIT_MM = 100.0


@dataclass(frozen=True)
class RegressorLossConfig:
    """Which distance; that of se(3) is not defined for half turns, as untrained networks make."""

    geodesic: str = 'so4'
    # A degree weighs as much as 5 mm, which is what it moves bone by: at the focal length of the
    # C-arm it would weigh 36 mm, and the translation would not be learned.
    focal_mm: float = 150.0


class RegressorLoss(nn.Module):
    """The loss of Shots; one module, so that a distributed trainer can wrap it."""

    def __init__(self, regressor, config, source_to_isocentre_m):
        super().__init__()
        self.regressor, self.config = regressor, config
        self._distance_m = source_to_isocentre_m

    def forward(self, shots):
        """Return (loss, {name: value}) of Shots."""
        found = self.regressor.poses(mixed(self.regressor.numbers, shots.fixed))
        truth = recentred(shots.truth, shots.isocentre_m, self._distance_m)
        distance = distance_mm(found, truth, self.config.geodesic, self.config.focal_mm)
        shift = (found[:, :3, 3] - truth[:, :3, 3]).norm(dim=1).detach()
        return distance.mean() / _UNIT_MM, {
            'distance mm, median': distance.detach().median().item(),
            'shift mm, median': 1e3 * shift.median().item(),
        }
