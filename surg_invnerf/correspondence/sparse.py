"""Lists of correspondences out of dense links and keypoint matches."""

import numpy as np

from surg_invnerf.correspondence.confidence import flow_confidence, keypoint_confidence
from surg_invnerf.correspondence.dense import inside
from surg_invnerf.observations import Correspondences

# Correspondences that are as good as surely wrong only slow the fit.
_LEAST_CONFIDENCE = 0.05


def thinned(source, target, link, texture, max_error_px, stride):
    """
    Return the Correspondences of every stride-th pixel of every stride-th row, where believed.

    source, target      FrameObservations; both ends must be usable
    link                Link between them; believed below max_error_px
    texture             [H, W] texture_confidence of the source
    """
    believed = source.usable & (link.error_px < max_error_px)
    rows, columns = (stride * n for n in np.nonzero(believed[::stride, ::stride]))
    pixels = np.stack([columns, rows], -1).astype(np.float32)
    targets = pixels + link.flow[rows, columns]
    weight = flow_confidence(link.error_px[rows, columns], abs(source.index - target.index))
    weight *= texture[rows, columns]
    keep = lands_on(targets, target.usable) & (weight >= _LEAST_CONFIDENCE)
    return Correspondences(source.index, target.index, pixels[keep], targets[keep], weight[keep])


def both_ways(new, old, found):
    """Return the Correspondences new -> old and old -> new of a SparseMatch new -> old."""
    weight = keypoint_confidence(found.deviation_px)
    return (
        _on_pixels(new, old, found.pixels, found.targets, weight),
        _on_pixels(old, new, found.targets, found.pixels, weight),
    )


def filled(dense, points, link, max_error_px):
    """Return the Correspondences `dense`, and those of `points` where the Link is not believed."""
    columns, rows = points.pixels.astype(int).T
    broken = link.error_px[rows, columns] >= max_error_px
    return Correspondences(
        dense.source,
        dense.target,
        np.concatenate([dense.pixels, points.pixels[broken]]),
        np.concatenate([dense.targets, points.targets[broken]]),
        np.concatenate([dense.confidence, points.confidence[broken]]),
    )


def lands_on(uv, mask):
    """Return where pixels [M, 2] lie inside of a mask [H, W] and on a true pixel of it."""
    height, width = mask.shape
    columns, rows = np.clip(np.rint(uv), 0, (width - 1, height - 1)).astype(int).T
    return inside(uv, height, width) & mask[rows, columns]


def _on_pixels(source, target, pixels, targets, weight):
    """Return the Correspondences, both ends shifted alike so that the sources are whole pixels."""
    whole = np.rint(pixels)
    targets = targets + (whole - pixels)
    keep = lands_on(whole, source.usable) & lands_on(targets, target.usable)
    return Correspondences(source.index, target.index, whole[keep], targets[keep], weight[keep])
