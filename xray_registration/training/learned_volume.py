"""DRRs of a CT that a 3D network has changed, differentiable by the network's weights."""

import numpy as np
import torch
from torch import nn

from xray_registration.drr.torch_backend import render_tensor


class LearnedVolume(nn.Module):
    """A VolumeNetwork with the CTs that it is trained on."""

    def __init__(self, network, volumes, camera):
        """Take a VolumeNetwork, AttenuationVolumes and the PinholeCamera of the images."""
        super().__init__()
        self.network, self._volumes, self._camera = network, volumes, camera
        for number, volume in enumerate(volumes):
            mu = torch.as_tensor(volume.mu_per_m)
            self.register_buffer(f'mu_{number}', mu, persistent=False)

    def forward(self, batch):
        """Return images [B, C, H, W] and columns [6, B, C, H, W] at the starts of a Batch."""
        number = int(batch.ct)
        volume = self._volumes[number]
        drawn = [
            render_tensor(
                channel,
                np.linalg.inv(volume.ct_from_index),
                self._camera,
                batch.start.double(),
                float(volume.spacing_m.min()),
                volume.isocentre_m,
                'continuum',
            )
            for channel in self.network(getattr(self, f'mu_{number}'))
        ]
        images, columns = zip(*drawn, strict=True)
        return torch.stack(images, 1), torch.stack(columns, 1).movedim(-1, 0)
