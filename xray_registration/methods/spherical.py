"""
The learned similarity: Levenberg-Marquardt, led in by levels whose points on the sphere a network
makes.

S(T) = sum over locations of 1 - Phi(DRR(T)) . Phi(X-ray), coarse strides first; the untrained
levels finish it.  Where that does not verify a given start, the untrained levels descend from the
start by themselves too, and the pose of the lower cost counts: a network that is out of its depth
must not make the registration worse than it would be without.

Source: Chen and Kong, WACV 2026; the second descent is ours.
"""

from dataclasses import replace

from xray_registration.methods import lm
from xray_registration.objective import LEARNED


def estimate(request):
    """Run the method on a Request; return an Estimate."""
    led = lm.estimate(request)
    config, learned = request.config, _learned(request)
    if not learned or request.start is None or config.init != 'start' or request.interrupt():
        return led
    gate_level = request.levels[config.search_levels - 1]
    cost = gate_level.evaluate(led.ct_from_reference, 'none').cost
    if cost < config.gate.verified_cost:
        return led
    plain = lm.estimate(_without(request, learned))
    plain_cost = gate_level.evaluate(plain.ct_from_reference, 'none').cost
    return plain if plain_cost < cost else led


def _learned(request):
    """Return how many levels are learned, the first ones; tracked frames have none."""
    return sum(level.similarity == LEARNED for level in request.config.levels)


def _without(request, first):
    """Return the Request without its first levels."""
    config = request.config
    levels, search_levels = config.levels[first:], config.search_levels - first
    return request._replace(
        levels=request.levels[first:],
        config=replace(config, levels=levels, search_levels=search_levels),
    )
