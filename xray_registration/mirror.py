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
from xray_registration.methods import METHODS
from xray_registration.objective import LevelObjective

# A mirrored X-ray that costs this much more at the coarsest level is not looked at any further: at
# right poses most do, so that the test takes a tenth of the registration.
_HOPELESS = 1.5

# Of a search without a start, twice and only to name the reason: a third of the usual one.
_HYPOTHESES, _MAX_STARTS = 96, 8

# Vertical is horizontal and half a turn; a search from one start finds only the one that holds.
_FLIPS = ('horizontal', 'vertical')


class Mirrored(NamedTuple):
    """
    The lowest cost of an X-ray mirrored, at the last search level, and the flip undone.

    It is infinite where the coarsest level has settled that the X-ray is not mirrored;
    `upright_cost` is what the same X-ray costs alone, as it is.
    """

    cost: float
    flip: str
    upright_cost: float


def compared(request, ct_from_reference, search):
    """
    Return the Mirrored of the view that speaks most for having been flipped.

    ct_from_reference   [4, 4] what was found
    search              also look where the registration itself began to look: for a result that
                        is refused anyway, and would have a better reason
    """
    reference_from_ct = se3.inverse(ct_from_reference)
    coarse_costs = request.levels[0].match(ct_from_reference).costs
    costs = request.levels[request.config.search_levels - 1].match(ct_from_reference).costs
    best = Mirrored(np.inf, '', max(costs))
    for view, coarse_cost, upright_cost in zip(request.views, coarse_costs, costs, strict=True):
        for flip, starts in _hypotheses(request, view, reference_from_ct, search):
            flipped = _flipped(view, flip)
            cost = min(_cost(request, flipped, s, _HOPELESS * coarse_cost) for s in starts)
            if cost < best.cost:
                if len(request.views) > 1:  # what other views ask of this one costs something
                    upright_cost = min(upright_cost, _cost(request, view, reference_from_ct))
                best = Mirrored(cost, flip, upright_cost)
    return best


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


def _cost(request, view, start, max_coarse_cost=np.inf):
    """Return the lowest cost of one View from a start, at the last search level."""
    if start is None:
        return _estimate(request, view, None, 0).model.cost
    coarse = _estimate(request, view, start, 0, 1)
    if not coarse.model.cost <= max_coarse_cost:
        return np.inf
    if request.config.search_levels == 1:
        return coarse.model.cost
    return _estimate(request, view, se3.inverse(coarse.ct_from_reference), 1).model.cost


def _estimate(request, view, start, first, last=None):
    """Return the Estimate of one View by some of the search levels."""
    config = request.config
    levels = config.levels[: config.search_levels][first:last]
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
    return METHODS[config.method](alone)
