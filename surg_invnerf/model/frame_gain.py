"""A brightness of each frame: the light moves with the endoscope."""

import torch
from torch import nn


class FrameGain(nn.Module):
    """Factors on the colour of frames, one per channel; 1 at the start."""

    def __init__(self, time_axis):
        super().__init__()
        self.logarithm = nn.Parameter(torch.zeros(time_axis.capacity, 3))

    def forward(self, slots):
        """Return factors [N, 3] at slots [N]."""
        return torch.exp(self.logarithm[slots.long()])

    def retime(self, axis, older):
        """Move the gains to another TimeAxis; see FeaturePlanes.retime."""
        places = torch.as_tensor(axis.old_slots(older, axis.capacity, 1)).long()

        def move(gains):
            return gains[places.to(gains.device)]

        self.logarithm.data = move(self.logarithm.data)
        return move
