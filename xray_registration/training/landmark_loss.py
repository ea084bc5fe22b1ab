"""One training step of the heatmaps: how improbable they make the places of the landmarks."""

import torch
from torch import nn

from xray_registration.learned import heatmaps
from xray_registration.training.mixed_precision import mixed

# Of the place that a landmark should have, in cells; sharper ones fall between the cells.
_SIGMA = 0.5


class LandmarkLoss(nn.Module):
    """The loss of Shots; one module, so that a distributed trainer can wrap it."""

    def __init__(self, unet, config):
        """Take a Unet and its LandmarkNetworkConfig."""
        super().__init__()
        self.unet, self._camera = unet, config.camera
        points = torch.tensor(list(config.points_m.values()), dtype=torch.float32)
        self.register_buffer('_points_m', points, persistent=False)

    def forward(self, shots):
        """Return (loss, {name: value}) of Shots."""
        logits = mixed(self.unet, shots.fixed)
        rotation, shift = shots.truth[:, :3, :3], shots.truth[:, :3, 3]
        seen = self._points_m @ rotation.transpose(1, 2) + shift[:, None]
        stride = self.unet.config.stride
        cells = (self._projected(seen) - (stride - 1) / 2) / stride
        wanted = heatmaps.target(cells, *logits.shape[-2:], _SIGMA)
        loss = -(wanted * heatmaps.log_probabilities(logits)).sum(-1).mean()
        with torch.no_grad():
            away_px = stride * (heatmaps.peaks(logits).cells - cells).norm(dim=-1)
            # A pixel is as wide as this where the landmark is.
            away_mm = 1e3 * away_px * seen[..., 2] / self._camera.fx
            inside = wanted[..., -1] < 0.5
            report = {'error mm, median': away_mm[inside].median().item()} if inside.any() else {}
        return loss, report

    def _projected(self, points):
        """Return the pixels [B, N, 2] of points [B, N, 3] (m) before the camera."""
        camera = self._camera
        homogeneous = points @ points.new_tensor(camera.matrix).T
        return homogeneous[..., :2] / homogeneous[..., 2:]
