"""Questions to a fitted model, with NumPy arrays in and out."""

from dataclasses import dataclass

import numpy as np
import torch

from surg_invnerf.geometry import bilinear
from surg_invnerf.model.guide import band_m

# Enough samples that more of them move no surface; only fitting can do with few.
SAMPLES = 16
_CHUNK = 16384


@dataclass(frozen=True)
class CanonicalPoints:
    """
    Points on the tissue, held through all time by their canonical coordinates.

    canonical   [N, 3]
    depth_m     [N] rendered depth in the frame of the query
    sigma_m     [N] spread of the density along the ray
    """

    canonical: np.ndarray
    depth_m: np.ndarray
    sigma_m: np.ndarray


@torch.no_grad()
def canonical_points(model, observations, queries, samples=SAMPLES):
    """Return the CanonicalPoints of queries [N, 3] (u, v, frame); frames must be observed."""
    queries = np.asarray(queries, float).reshape(-1, 3)
    out = [np.empty((len(queries), n), np.float32) for n in (3, 1, 1)]
    for frame in np.unique(queries[:, 2]).astype(int).tolist():
        chosen = queries[:, 2] == frame
        rendering = _render(model, observations.frames[frame], queries[chosen, :2], samples)
        for target, value in zip(
            out, (rendering.canonical, rendering.depth_m, rendering.spread_m), strict=True
        ):
            target[chosen] = value.cpu().numpy().reshape(chosen.sum(), -1)
    return CanonicalPoints(out[0], out[1][:, 0], out[2][:, 0])


@torch.no_grad()
def positions(model, canonical, frames):
    """Return points [N, T, 3] (m), in each frame's left camera, of canonical points [N, 3]."""
    canonical = torch.as_tensor(canonical, dtype=torch.float32, device=model.device)
    out = np.empty((len(canonical), len(frames), 3), np.float32)
    for column, frame in enumerate(frames):
        at = torch.full((len(canonical),), int(frame), device=model.device)
        world = model.world_from_canonical(canonical, at)
        pose = model.poses([int(frame)])[0]
        out[:, column] = ((world - pose[:3, 3]) @ pose[:3, :3]).cpu().numpy()
    return out


def project(camera, xyz_m):
    """Return pixels [..., 2] of points [..., 3] (m) in the left camera; NaN behind it."""
    points = np.where(xyz_m[..., 2:] > 0, xyz_m, np.nan)
    return camera.left.project(points).astype(np.float32)


@torch.no_grad()
def rendered_depth(model, observations, frame, pixels):
    """Return depth_m, opacity and spread_m, [M] each, of pixels [M, 2] of a frame."""
    rendering = _render(model, observations.frames[frame], np.asarray(pixels, float))
    found = (rendering.depth_m, rendering.opacity, rendering.spread_m)
    return tuple(value.cpu().numpy() for value in found)


@torch.no_grad()
def colours(model, canonical):
    """Return the colours [N, 3] uint8 of canonical points [N, 3]."""
    points = torch.as_tensor(canonical, dtype=torch.float32, device=model.device)
    colour = model.field(points)[0]
    return (colour * 255).round().clamp(0, 255).byte().cpu().numpy()


def _render(model, frame, pixels, samples=SAMPLES):
    depth = bilinear(frame.depth_m, pixels)
    u, v = np.round(pixels).astype(int).T
    height, width = frame.depth_m.shape
    sigma = frame.sigma_m[np.clip(v, 0, height - 1), np.clip(u, 0, width - 1)]
    parts = []
    for start in range(0, len(pixels), _CHUNK):
        part = slice(start, start + _CHUNK)
        at = torch.full((len(pixels[part]),), frame.index, device=model.device)
        guides = (
            torch.as_tensor(values[part], dtype=torch.float32, device=model.device)
            for values in (pixels, depth, band_m(sigma))
        )
        parts.append(model.render(at, *guides, samples))
    return type(parts[0])(
        *(torch.cat([getattr(p, name) for p in parts]) for name in vars(parts[0]))
    )
