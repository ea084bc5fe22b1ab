"""
Heatmaps: for each landmark, how probable it is at each cell of a grid, or outside of all of them.

The logits of a network are those of the cells; that of "not in the image" is 0.

Source: Tompson et al., NIPS 2014 (heatmaps); Nibali et al., 2018 (their moments as coordinates).
"""

from typing import NamedTuple

import torch

# Cells around the highest one whose moments are the landmark's place: farther ones belong to
# another hypothesis.
_RADIUS = 3


class Peaks(NamedTuple):
    """
    Where landmarks are, in cells.

    cells        [..., N, 2] (x, y), the centre of the first cell being (0, 0)
    sigma        [..., N] standard deviation along either axis
    confidence   [..., N] probability that the landmark is there
    """

    cells: torch.Tensor
    sigma: torch.Tensor
    confidence: torch.Tensor


def log_probabilities(logits):
    """Return the log of the probabilities [..., N, h w + 1] of logits [..., N, h, w]."""
    flat = logits.flatten(-2)
    return torch.cat([flat, torch.zeros_like(flat[..., :1])], -1).log_softmax(-1)


def target(cells, height, width, sigma):
    """
    Return the probabilities [..., N, h w + 1] that landmarks at cells [..., N, 2] should have.

    sigma    of the Gaussian in cells; a landmark outside of the grid is at none of them
    """
    grid = _grid(height, width, cells)
    squared = (cells[..., None, :] - grid).square().sum(-1)
    blob = (-0.5 * squared / sigma**2).softmax(-1)
    size = cells.new_tensor([width, height])
    inside = ((cells > -0.5) & (cells < size - 0.5)).all(-1, keepdim=True).to(cells)
    return torch.cat([inside * blob, 1 - inside], -1)


def peaks(logits):
    """Return the Peaks of logits [..., N, h, w]: mean and deviation around the highest cell."""
    height, width = logits.shape[-2:]
    probability = log_probabilities(logits).exp()[..., :-1]
    grid = _grid(height, width, logits)
    highest = grid[probability.argmax(-1)]
    near = ((grid - highest[..., None, :]).abs() <= _RADIUS).all(-1)
    weight = torch.where(near, probability, 0)
    mass = weight.sum(-1, keepdim=True)
    weight = weight / mass.clamp(min=1e-12)
    mean = (weight[..., None] * grid).sum(-2)
    variance = (weight[..., None] * (grid - mean[..., None, :]).square()).sum((-2, -1)) / 2
    return Peaks(mean, variance.sqrt(), mass[..., 0])


def _grid(height, width, like):
    """Return the cells' centres [h w, 2] (x, y), row by row."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')
    return torch.stack([x, y], -1).reshape(-1, 2).to(like)
