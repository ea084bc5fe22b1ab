"""Volume rendering along short rays that are guided by stereo."""

from dataclasses import dataclass

import torch

# Density is per this length: alpha must use the spacing of the samples, or a change of their
# number would move the surface.
_DENSITY_LENGTH_M = 1e-3
# Below this opacity a mean over a ray says nothing.
_MIN_OPACITY = 1e-4


@dataclass(frozen=True)
class Rendering:
    """
    What R rays of S samples see.

    colour      [R, 3] in [0, 1]
    depth_m     [R], along the optical axis, mean over the samples that are seen
    spread_m    [R], standard deviation of the same
    canonical   [R, 3], mean canonical point
    opacity     [R]
    """

    colour: torch.Tensor
    depth_m: torch.Tensor
    spread_m: torch.Tensor
    canonical: torch.Tensor
    opacity: torch.Tensor


def sample_depths(depth_m, band_m, samples, jitter=None):
    """
    Return depths [R, S] (m) in the band about depth_m [R], one in each of S equal bins.

    jitter [R, S] in [0, 1) says where in its bin each lies; None: in the middle.
    """
    bins = torch.arange(samples, device=depth_m.device) + (0.5 if jitter is None else jitter)
    return depth_m[:, None] + band_m[:, None] * (2 * bins / samples - 1)


def composite(depths, spacing_m, colour, density, canonical):
    """
    Return the Rendering of samples in order of depth.

    depths [R, S] (m), spacing_m [R], colour [R, S, 3], density [R, S], canonical [R, S, 3];
    alpha = 1 - exp(-density * spacing / 1 mm), front to back (Max 1995).
    """
    absorbed = density * (spacing_m / _DENSITY_LENGTH_M)[:, None]
    passed = torch.exp(-torch.cumsum(absorbed, 1))
    before = torch.cat([torch.ones_like(passed[:, :1]), passed[:, :-1]], 1)
    weights = before - passed
    opacity = 1 - passed[:, -1]
    share = weights / opacity.clamp(min=_MIN_OPACITY)[:, None]
    depth = (share * depths).sum(1)
    variance = (share * (depths - depth[:, None]).square()).sum(1)
    return Rendering(
        colour=(weights[..., None] * colour).sum(1),
        depth_m=depth,
        spread_m=(variance + 1e-12).sqrt(),
        canonical=(share[..., None] * canonical).sum(1),
        opacity=opacity,
    )
