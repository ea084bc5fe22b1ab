"""
Features of points: bilinear samples of three axis-aligned planes, multiplied, at several levels.

Level l has three planes over the axis pairs (0, 1), (2, 0) and (2, 1) of a point; its feature is
the element-wise product of their samples (HexPlane: Cao and Johnson 2023; tri-planes: Chan et al.
2022).  All planes lie in one flat vector, channels last, so that an optimiser sees one tensor.
"""

from dataclasses import dataclass

import numpy as np
import torch

from surg_invnerf.model import plane_kernel
from surg_invnerf.model.rows import LANES


@dataclass(frozen=True)
class PlaneLayout:
    """
    Where the planes lie in the flat vector, and how coordinates become cells.

    features    number of channels, a multiple of LANES
    sizes       [L, 3] cells along each axis, at least 2
    scales, shifts
                [L, 3] cell = coordinate * scale + shift, clamped to the plane
    """

    features: int
    sizes: np.ndarray
    scales: np.ndarray
    shifts: np.ndarray

    @property
    def shapes(self):
        """[(level, which plane)] -> (rows, columns, features), in the order of the flat vector."""
        return [
            shape
            for s0, s1, s2 in self.sizes.tolist()
            for shape in (
                (s0, s1, self.features),
                (s2, s0, self.features),
                (s2, s1, self.features),
            )
        ]

    @property
    def offsets(self):
        """[L, 3] int64: start of each plane."""
        counts = [int(np.prod(shape)) for shape in self.shapes]
        return np.cumsum([0, *counts[:-1]]).reshape(-1, 3).astype(np.int64)

    @property
    def length(self):
        """Length of the flat vector."""
        return sum(int(np.prod(shape)) for shape in self.shapes)

    @property
    def width(self):
        """Number of features of a point."""
        return self.features * len(self.sizes)

    def planes(self, flat):
        """Return views of the flat vector, one [rows, columns, features] per plane."""
        parts = flat.split([int(np.prod(shape)) for shape in self.shapes])
        return [part.view(shape) for part, shape in zip(parts, self.shapes, strict=True)]


def sample(flat, points, layout):
    """
    Return features [N, L * features] of points [N, 3].

    Fused on the CPU in float32, else by `sample_reference`; differentiable in both arguments.
    """
    if flat.device.type == 'cpu' and flat.dtype == torch.float32:
        return _FusedSampling.apply(flat, points, layout)
    return sample_reference(flat, points, layout)


def sample_reference(flat, points, layout):
    """Return what `sample` does, in plain torch, on any device and in any precision."""
    planes = layout.planes(flat)
    out = []
    for level, size in enumerate(layout.sizes.tolist()):
        scale = torch.as_tensor(layout.scales[level]).to(points)
        shift = torch.as_tensor(layout.shifts[level]).to(points)
        limit = torch.as_tensor(size).to(points) - 1
        grid = torch.minimum((points * scale + shift).clamp(min=0), limit)
        lower = torch.minimum(grid.detach().floor(), limit - 1)
        fraction, lower = grid - lower, lower.long()
        product = 1
        for plane, (row, column) in zip(
            planes[3 * level : 3 * level + 3], ((0, 1), (2, 0), (2, 1)), strict=True
        ):
            i, j = lower[:, row], lower[:, column]
            fi, fj = fraction[:, row, None], fraction[:, column, None]
            top = plane[i, j] * (1 - fj) + plane[i, j + 1] * fj
            bottom = plane[i + 1, j] * (1 - fj) + plane[i + 1, j + 1] * fj
            product = product * (top * (1 - fi) + bottom * fi)
        out.append(product)
    return torch.cat(out, 1)


class _FusedSampling(torch.autograd.Function):
    @staticmethod
    def forward(ctx, flat, points, layout):
        points = points.contiguous()
        out = torch.empty(len(points), layout.width)
        plane_kernel.forward(*_arguments(flat, points, layout), _rows(out))
        ctx.save_for_backward(flat, points)
        ctx.layout = layout
        return out

    @staticmethod
    def backward(ctx, grad):
        flat, points = ctx.saved_tensors
        grad_flat, grad_points = torch.zeros_like(flat), torch.zeros_like(points)
        plane_kernel.backward(
            *_arguments(flat, points, ctx.layout),
            _rows(grad.contiguous()),
            _rows(grad_flat),
            grad_points.numpy(),
        )
        return grad_flat, grad_points, None


def _arguments(flat, points, layout):
    return (
        _rows(flat),
        points.detach().numpy(),
        layout.sizes,
        layout.offsets // LANES,
        layout.scales,
        layout.shifts,
        layout.features // LANES,
    )


def _rows(tensor):
    """Return a tensor's memory as an array [R, LANES]."""
    return tensor.detach().numpy().reshape(-1, LANES)
