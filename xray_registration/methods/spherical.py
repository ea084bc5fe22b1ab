"""
The learned similarity: Levenberg-Marquardt, led in by levels whose points on the sphere a network
makes.

S(T) = sum over locations of 1 - Phi(DRR(T)) . Phi(X-ray), coarse strides first; the untrained
levels finish it.  Where that does not verify a given start, the untrained levels do without the
network what `lm` would, from the start or around it too, and the pose of the lower cost counts: a
network that is out of its depth must not make the registration worse than it would be without.
Without a start it is `lm`: a search tries many poses, over which the network's levels take much
longer and find no more.

Source: Chen and Kong, WACV 2026; the second descent is ours.
"""

from dataclasses import replace
from functools import partial

from xray_registration.methods import lm
from xray_registration.objective import LEARNED
from xray_registration.search.agreement import agreed


def estimate(request):
    """Run the method on a Request; return an Estimate."""
    learned = sum(level.similarity == LEARNED for level in request.config.levels)
    if not learned:  # as in tracked frames
        return lm.estimate(request)
    config, plain = request.config, _without(request, learned)
    if config.region.kind == 'projection' and request.start is not None:
        ways = [partial(lm.descend, r, range(len(r.levels))) for r in (request, plain)]
        return agreed(request, lambda pose: _better(request, [partial(w, pose) for w in ways]))
    if request.start is None:
        return lm.estimate(plain)
    led = request._replace(config=replace(config, init='start'))
    return _better(request, [partial(lm.estimate, r) for r in (led, plain)])


def _better(request, ways):
    """Return the Estimate of the first way, or of the second where that costs less."""
    led = ways[0]()
    gate_level = request.levels[request.config.search_levels - 1]
    cost = _cost(gate_level, led)
    # Around a bone the cost of a wrong pose may verify one: there both ways are always tried.
    is_bone = request.config.region.kind == 'projection'
    verified = not is_bone and cost < request.config.gate.verified_cost
    if verified or request.interrupt():
        return led
    plain = ways[1]()
    return plain if _cost(gate_level, plain) < cost else led


def _cost(level, estimate):
    level.focus(estimate.ct_from_reference)
    return level.evaluate(estimate.ct_from_reference, 'none').cost


def _without(request, first):
    """Return the Request without its first levels."""
    config = request.config
    levels, search_levels = config.levels[first:], config.search_levels - first
    return request._replace(
        levels=request.levels[first:],
        config=replace(config, levels=levels, search_levels=search_levels),
    )
