"""The rays of one step of a fit."""

from dataclasses import dataclass

import numpy as np
import torch

from surg_invnerf.geometry import bilinear
from surg_invnerf.model.guide import band_m


@dataclass(frozen=True)
class Batch:
    """
    R rays with what was measured at both ends.

    source, target          [R] long, frames
    pixels, target_pixels   [R, 2]
    weight                  [R] confidence / sqrt(gap)
    depth_m, sigma_m        [R] stereo at the source; sigma is infinite where it was filled
    band_m                  [R] half length of the ray's samples
    target_depth_m, target_sigma_m
                            [R] stereo at the target; sigma is infinite where none was measured
    colour                  [R, 3] in [0, 1], at the source
    """

    source: torch.Tensor
    target: torch.Tensor
    pixels: torch.Tensor
    target_pixels: torch.Tensor
    weight: torch.Tensor
    depth_m: torch.Tensor
    sigma_m: torch.Tensor
    band_m: torch.Tensor
    target_depth_m: torch.Tensor
    target_sigma_m: torch.Tensor
    colour: torch.Tensor

    def __len__(self):
        return len(self.source)


def make_batch(observations, chosen, device='cpu'):
    """Return the Batch of [(Correspondences, indices into its points)]."""
    columns = [_rays(observations, pair, rows) for pair, rows in chosen]
    merged = (np.concatenate(column) for column in zip(*columns, strict=True))
    return Batch(*(torch.as_tensor(column).to(device) for column in merged))


def _rays(observations, pair, rows):
    source, target = observations.frames[pair.source], observations.frames[pair.target]
    pixels, targets = pair.pixels[rows], pair.targets[rows]
    u, v = np.round(pixels).astype(int).T
    height, width = target.depth_m.shape
    tu = np.clip(np.round(targets[:, 0]).astype(int), 0, width - 1)
    tv = np.clip(np.round(targets[:, 1]).astype(int), 0, height - 1)
    sigma = source.sigma_m[v, u]
    weight = pair.confidence[rows] / np.sqrt(max(pair.gap, 1))
    columns = (
        np.full(len(rows), pair.source, np.int64),
        np.full(len(rows), pair.target, np.int64),
        pixels,
        targets,
        weight,
        source.depth_m[v, u],
        sigma,
        band_m(sigma),
        bilinear(target.depth_m, targets),
        target.sigma_m[tv, tu],
        source.image[v, u] / np.float32(255),
    )
    return tuple(c if c.dtype == np.int64 else c.astype(np.float32) for c in columns)
