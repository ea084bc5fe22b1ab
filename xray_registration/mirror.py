"""
Does the X-ray fit better mirrored?  Detectors, viewers and exports flip images.

A mirrored X-ray can look right: seen from behind, a patient is his own mirror image but for
perspective, and the two sides of a body are alike.  Both ambiguities name the pose at which the
unmirrored X-ray would fit, so a descent from there answers the question.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from surgical_perception.geometry import se3
from surgical_perception.geometry.frames import flip_image
from xray_registration.methods import lm
from xray_registration.objective import LevelObjective

# A mirrored X-ray that costs this much more at one level is not looked at at finer ones, nor one
# that does not match: mostly the coarsest level settles it, in a tenth of a registration's time.
_HOPELESS = 1.5

# Of a search without a start, twice and only to name the reason: a third of the usual one.
_HYPOTHESES, _MAX_STARTS = 96, 8

# Vertical is horizontal and half a turn; a search from one start finds only the one that holds.
_FLIPS = ('horizontal', 'vertical')


class Mirrored(NamedTuple):
    """
    How an X-ray fits mirrored, against how it fits as it is.

    ratio   of the two costs, at the finest level that was needed to tell them apart
    cost    of the mirrored X-ray at the last search level; infinite where coarser ones settled it
    flip    that was undone
    """

    ratio: float
    cost: float
    flip: str


def compared(request, ct_from_reference, search):
    """
    Return the Mirrored of the view that speaks most for having been flipped.

    ct_from_reference   [4, 4] what was found
    search              also look where the registration itself began to look: for a result that
                        is refused anyway, and would have a better reason
    """
    results = [
        _compared(request, index, flip, start, ct_from_reference)
        for index, view in enumerate(request.views)
        for flip, starts in _hypotheses(request, view, se3.inverse(ct_from_reference), search)
        for start in starts
    ]
    return min(results, key=lambda mirrored: mirrored.ratio)


def _compared(request, index, flip, start, ct_from_reference):
    """Descend level after level with one view flipped for as long as it is worth it."""
    view, gate_level = request.views[index], request.config.search_levels - 1
    flipped, cost = _flipped(view, flip), np.inf
    for first, last in _stages(request.config, start):
        estimate = _estimate(request, flipped, start, first, last)
        start = se3.inverse(estimate.ct_from_reference)
        found_cost = estimate.model.cost if np.isfinite(estimate.model.cost) else np.inf
        upright_cost = request.levels[last].match(ct_from_reference).costs[index]
        worth = _HOPELESS * upright_cost
        if last == gate_level:
            cost = found_cost
            worth = min(worth, request.config.gate.max_cost_degraded)
        if found_cost > worth:
            break
    else:
        if len(request.views) > 1:  # what the other views ask of this one costs something
            alone = _estimate(request, view, se3.inverse(ct_from_reference), last, last)
            upright_cost = min(upright_cost, alone.model.cost)
    return Mirrored(found_cost / max(upright_cost, 1e-9), cost, flip)


def _stages(config, start):
    """Return (first, last) level of each stage after which hopeless cases are left."""
    gate_level, finest = config.search_levels - 1, len(config.levels) - 1
    stages = [(0, gate_level)] if start is None else [(0, 0), (1, gate_level)]
    return [stage for stage in [*stages, (gate_level + 1, finest)] if stage[0] <= stage[1]]


def _flipped(view, flip):
    return replace(
        view,
        image=flip_image(view.image, flip),
        camera=view.camera.flipped(flip),
        mask=None if view.mask is None else flip_image(view.mask, flip),
    )


def _hypotheses(request, view, reference_from_ct, search):
    """Return (flip, starts) pairs; a start is reference_from_ct [4, 4], or None to search."""
    carm_from_ct = view.camera_from_reference @ reference_from_ct
    isocentre_m = request.isocentre_m
    starts = [_seen_from_behind(carm_from_ct, isocentre_m), _other_side(carm_from_ct, isocentre_m)]
    starts = [se3.inverse(view.camera_from_reference) @ start for start in starts]
    if not search:
        return [('horizontal', starts)]
    return [(flip, [request.start, *starts]) for flip in _FLIPS]


def _seen_from_behind(carm_from_ct, isocentre_m):
    """Turn the CT by half a turn about the image's vertical axis through the isocentre."""
    centre = se3.apply(carm_from_ct, isocentre_m)
    return se3.perturb(np.array([0, 0, 0, 0, np.pi, 0]), carm_from_ct, centre)


def _other_side(carm_from_ct, isocentre_m):
    """Mirror image and patient: a body whose left and right are alike looks the same there."""
    image, patient = np.diag([-1.0, 1, 1, 1]), np.diag([-1.0, 1, 1, 1])
    patient[0, 3] = 2 * isocentre_m[0]
    return image @ carm_from_ct @ patient


def _estimate(request, view, start, first, last):
    """Return the Estimate of one View by the levels from `first` to `last`."""
    config = request.config
    levels = config.levels[first : last + 1]
    around = replace(config.multistart, hypotheses=_HYPOTHESES, max_starts=_MAX_STARTS)
    config = replace(
        config, init='start', levels=levels, search_levels=len(levels), multistart=around
    )
    alone = request._replace(
        views=[view],
        levels=[LevelObjective([view], request.volumes, level, config) for level in levels],
        camera_from_reference=view.camera_from_reference,
        start=start,
        config=config,
    )
    # Whatever method found the pose: this asks about the images, and descents answer it quickest.
    return lm.estimate(alone)
