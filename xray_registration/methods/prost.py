"""
The registration of ProST: gradient descent on a learned similarity, then on gradient NCC.

The similarity's cost C(T) was trained so that its gradient by the pose points along the geodesic
to the truth ("double backward"); gradient descent follows it stride by stride, coarse ones first.
Where it ends, gradient NCC of X-ray and DRR takes over, at a rate that goes up and down.  Which of
the published variants it is lies in the weights: trained with an encoder of convolutions it stands
for ProST-m, with pooling transformers for ProST-t.

Source: Gao et al., "Generalizing spatial transformers to projective geometry with applications to
2D/3D registration", MICCAI 2020, and "A fully differentiable framework for 2D/3D registration and
the projective spatial transformers", IEEE TMI 43:275, 2024 (rates); schedules and numbers of steps
are our choice.
"""

from xray_registration.config import PyramidLevel
from xray_registration.objective import LevelObjective
from xray_registration.presets import learned
from xray_registration.result import SolverStatus
from xray_registration.solvers.momentum import minimise

_RATE, _DECAY, _DECAY_STEPS, _STEPS = 0.01, 0.8, 10, 60

_REFINED = PyramidLevel(128, 2.8, 'gradient_ncc', 150, patch=7)
_LOW_RATE, _HIGH_RATE, _HALF_PERIOD = 1e-3, 3e-3, 20


def estimate(request):
    """Run the method on a Request; return an Estimate.  Raises InputError without a start."""
    pose, steps = request.required_start(), 0
    network = request.volumes.networks['similarity']
    strides = learned(request.config, network).levels[: len(network.strides)]
    stages = [(level, _falling, _STEPS) for level in strides]
    for level, schedule, max_steps in [*stages, (_REFINED, _cyclic, _REFINED.max_steps)]:
        objective = LevelObjective(request.views, request.volumes, level, request.config)
        objective.focus(pose)
        rate = _scaled(schedule, objective.evaluate(pose, 'none').cost)
        found = minimise(objective, pose, rate, max_steps, request.interrupt)
        pose, steps = found.ct_from_reference, steps + found.steps
        if found.status is SolverStatus.TIMEOUT:
            break
    return request.estimate_at(pose, found.status, steps)


def _scaled(schedule, cost):
    """Return a schedule for costs of the order of one: in a flat space they have no bound."""
    return lambda step: schedule(step) / max(1.0, cost)


def _falling(step):
    return _RATE * _DECAY ** (step // _DECAY_STEPS)


def _cyclic(step):
    """Return a rate that rises and falls in a triangle, from low to high and back."""
    up = 1 - abs(step % (2 * _HALF_PERIOD) / _HALF_PERIOD - 1)
    return _LOW_RATE + (_HIGH_RATE - _LOW_RATE) * up
