"""Trainable feature planes over two axes of space and time, or over three axes of space."""

import numpy as np
import torch
from torch import nn

from surg_invnerf.model.plane_sampling import PlaneLayout, sample

# The planes reach this far beyond the workspace; farther points take the value at the edge.
_EXTENT = 1.2
_SPACE_INITIAL = (0.1, 0.5)
_TIME_INITIAL = 1.0


class FeaturePlanes(nn.Module):
    """
    One flat parameter with the planes of all levels; `forward(points)` samples them.

    The third coordinate is space in [-1, 1] where `time_axis` is None, else a slot of the axis.
    """

    def __init__(self, features, resolutions, time_strides=None, time_axis=None):
        super().__init__()
        self.resolutions = np.array(resolutions, np.int64)
        self.features, self.time_strides = features, time_strides
        self.layout = self._layout_for(time_axis)
        self.flat = nn.Parameter(self._initial())

    def _layout_for(self, axis):
        sizes = np.repeat(self.resolutions[:, None], 3, 1)
        scales = (sizes - 1) / (2 * _EXTENT)
        shifts = (sizes - 1) / 2
        if axis is not None:
            strides = np.array(self.time_strides)
            sizes[:, 2] = [axis.columns(stride) for stride in self.time_strides]
            scales[:, 2], shifts[:, 2] = 1 / strides, 0
        return PlaneLayout(
            self.features, sizes, scales.astype(np.float32), shifts.astype(np.float32)
        )

    def _initial(self):
        flat = torch.empty(self.layout.length)
        for number, plane in enumerate(self.layout.planes(flat)):
            if self.time_strides and number % 3:
                plane.fill_(_TIME_INITIAL)
            else:
                plane.uniform_(*_SPACE_INITIAL)
        return flat

    def forward(self, points):
        """Return features [N, layout.width] of points [N, 3]."""
        return sample(self.flat, points, self.layout)

    def retime(self, axis, older):
        """
        Move the time columns from an `older` TimeAxis to `axis`.

        Returns the function that moves any vector shaped like `flat`, such as Adam's moments.
        """
        before, after = self.layout, self._layout_for(axis)
        columns = after.sizes[:, 2].tolist()
        places = [
            axis.old_slots(older, count, stride) / stride
            for count, stride in zip(columns, self.time_strides, strict=True)
        ]

        def move(flat):
            planes = before.planes(flat)
            for level, place in enumerate(places):
                for which in (1, 2):
                    planes[3 * level + which] = _resampled(planes[3 * level + which], place)
            return torch.cat([plane.reshape(-1) for plane in planes])

        self.layout = after
        self.flat.data = move(self.flat.data)
        return move


def _resampled(plane, places):
    """Return rows of a plane [R, C, F] at fractional row numbers."""
    places = torch.as_tensor(places, dtype=torch.float32, device=plane.device)
    places = places.clamp(0, len(plane) - 1)
    lower = places.floor().clamp(max=len(plane) - 2)
    fraction = (places - lower)[:, None, None].to(plane.dtype)
    lower = lower.long()
    return plane[lower] * (1 - fraction) + plane[lower + 1] * fraction
