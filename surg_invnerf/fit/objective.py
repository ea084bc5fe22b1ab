"""The loss of a batch of rays."""

import torch

from surg_invnerf.fit import losses

# Only some rays pay for the two more mappings that smoothness in time needs.
_SMOOTH_SHARE = 0.25


def objective(model, batch, config, generator):
    """
    Return (loss, reprojection errors [R] in pixels) of a Batch.

    Each ray is rendered in its source frame, its mean canonical point is mapped to the target
    frame and compared there with the pixel that correspondence found and the depth of stereo.
    """
    weights = config.weights
    jitter = torch.rand(len(batch), config.samples, generator=generator, device=model.device)
    rendering = model.render(
        batch.source, batch.pixels, batch.depth_m, batch.band_m, config.samples, jitter
    )
    chosen, neighbours = _neighbours(model, batch)
    count = len(chosen)
    canonical = rendering.canonical
    mapped = model.world_from_canonical(
        torch.cat([canonical, canonical[chosen].repeat(3, 1)]),
        torch.cat([batch.target, neighbours]),
    )
    points, triple = mapped[: len(batch)], mapped[len(batch) :]
    pixels, depth_m = model.project(points, batch.target)
    reprojection, errors_px = losses.reprojection(pixels, batch.target_pixels, batch.weight)
    loss = (
        weights.reprojection * reprojection
        + weights.depth * losses.depth(rendering.depth_m, batch.depth_m, batch.sigma_m)
        + weights.depth * losses.depth(depth_m, batch.target_depth_m, batch.target_sigma_m)
        + weights.colour * losses.colour(rendering.colour, batch.colour)
        + weights.opacity * losses.opacity(rendering.opacity)
        + weights.compactness * losses.compactness(rendering.spread_m)
    )
    if model.poses.estimated:
        loss = loss + weights.pose * model.poses.improbability()
    if count:
        normalised = triple / model.workspace_half
        loss = loss + weights.smoothness * losses.smoothness(*normalised.split(count))
    return loss, errors_px


def _neighbours(model, batch):
    """Return rays and the frames before, at and after their target, where all three are held."""
    stride = round(1 / _SMOOTH_SHARE)
    chosen = torch.arange(0, len(batch), stride, device=batch.target.device)
    at = batch.target[chosen]
    before, after, inside = model.time_axis.neighbours(at)
    chosen, at = chosen[inside], at[inside]
    return chosen, torch.cat([before[inside], at, after[inside]])
