"""The terms of the loss, each a function of what was rendered and what was measured."""

import torch
from torch.nn import functional

_MM_PER_M = 1e3
_REPROJECTION_HUBER_PX = 2.0
_DEPTH_HUBER_MM = 0.5
# A depth this uncertain has half the weight of an exact one.
_DEPTH_SIGMA_MM = 0.5
# A deformed point may project far outside the image early in a fit.
_MAX_ERROR_PX = 100.0


def reprojection(predicted, target_pixels, weight):
    """Return (loss, errors [R] in pixels): Huber at 2 px of the distance, weighted."""
    errors = (predicted - target_pixels).square().sum(1).add(1e-8).sqrt()
    errors = errors.clamp(max=_MAX_ERROR_PX)
    return (weight * _huber(errors, _REPROJECTION_HUBER_PX)).mean(), errors.detach()


def depth(predicted_m, measured_m, sigma_m):
    """Return the Huber loss at 0.5 mm of depth where stereo measured it (finite sigma)."""
    error_mm = (predicted_m - measured_m).abs() * _MM_PER_M
    weight = 1 / (1 + (sigma_m * (_MM_PER_M / _DEPTH_SIGMA_MM)).square())
    return (weight * _huber(error_mm, _DEPTH_HUBER_MM)).mean()


def colour(rendered, measured):
    """Return the mean squared error of colour, summed over channels."""
    return (rendered - measured).square().sum(1).mean()


def opacity(rendered):
    """Return how far rays are from ending in tissue."""
    return (1 - rendered).square().mean()


def compactness(spread_m):
    """Return the mean spread (mm) of density along a ray: tissue has one surface."""
    return (spread_m * _MM_PER_M).mean()


def smoothness(before, at, after):
    """Return the mean second difference of mapped points [N, 3] in normalised units."""
    return (before - 2 * at + after).square().sum(1).add(1e-12).sqrt().mean()


def _huber(error, knee):
    """Return Huber's loss of a distance: quadratic up to the knee, in units of the distance."""
    return functional.huber_loss(error, torch.zeros_like(error), reduction='none', delta=knee)
