"""What speaks for and against a registered pose; the gate judges by it."""

from typing import NamedTuple

import numpy as np

from surgical_perception.geometry import se3
from xray_registration import covariance
from xray_registration.result import SolverStatus
from xray_registration.solvers.levenberg_marquardt import is_ill_conditioned

# A pose this far away must match clearly worse.  Right poses gain 0.8 to 0.95 over it, wrong ones
# 0.3 at most, also where both match well because the images are smooth.
_BESIDE_M, _BESIDE_RAD = 0.015, np.deg2rad(6.0)


class Evidence(NamedTuple):
    """
    What the gate judges by; of several views, the worst one counts.

    status              SolverStatus of the finest level
    cost                robust spherical distance at the gate's level, 0 is perfect
    similarity          mean local NCC there, 1 is perfect
    agreement           share of the structured locations whose local NCC is above 0.5
    gain                1 - cost / mean cost of six poses 15 mm or 6 degrees away
    sigma_mm            [3] standard deviation of the isocentre: right, down, depth
    overlap             share of the usable image that the projected CT covers
    views               how many there were
    disagreement        how far one of several views alone would move the CT, in its own standard
                        deviations (root mean square over the six parameters)
    unsettled           how far the images would still move the CT, likewise: 0 at a minimum
    mirrored_ratio      cost of an X-ray mirrored by that as it is; infinite if not tried
    mirrored_cost       of the mirrored X-ray at the gate's level
    mirrored_flip       the flip that was undone for it
    """

    status: SolverStatus
    cost: float
    similarity: float
    agreement: float
    gain: float
    sigma_mm: np.ndarray
    overlap: float
    views: int = 1
    disagreement: float = 0.0
    unsettled: float = 0.0
    mirrored_ratio: float = np.inf
    mirrored_cost: float = np.inf
    mirrored_flip: str = ''


def gathered(objective, finest, estimate, sigma_mm):
    """Return the Evidence of an Estimate by the LevelObjectives of the gate and the finest one."""
    pose = estimate.ct_from_reference
    match = objective.match(pose)
    return Evidence(
        estimate.status,
        max(match.costs),
        match.similarity,
        match.agreement,
        _gain(objective, pose, float(np.mean(match.costs))),
        sigma_mm,
        match.overlap,
        len(finest.terms),
        _disagreement(finest, pose),
        _pull(estimate.model),
    )


def _gain(objective, ct_from_reference, cost):
    """Return by which share the cost at a pose is below that of poses around it."""
    steps = np.diag([_BESIDE_M] * 3 + [_BESIDE_RAD] * 3)
    beside = []
    for step in steps:
        pose = se3.perturb(step, ct_from_reference, objective.isocentre_m)
        objective.focus(pose)  # what lies around the CT there is what it is compared with
        beside.append(objective.evaluate(pose, 'none').cost)
    objective.focus(ct_from_reference)
    return 1 - cost / max(float(np.mean(beside)), 1e-12)


def _disagreement(finest, ct_from_reference):
    """
    Return how far one of several views would move the CT, in its own standard deviations.

    It is the Mahalanobis length of that view's Gauss-Newton step from the common pose, which is
    about 1 where the given geometry between the views is right.
    """
    if len(finest.terms) < 2:
        return 0.0
    renderings = [finest.render_term(term, ct_from_reference) for term in finest.terms]
    return max(
        _pull(term.similarity.linearise(rendering.image[0], rendering.jacobian[0]))
        for term, rendering in zip(finest.terms, renderings, strict=True)
    )


def _pull(model):
    """Return the Gauss-Newton step of a Linearisation in its own standard deviations."""
    if is_ill_conditioned(model.hessian):
        return 0.0  # it has no opinion; the gate refuses it where it is all there is
    twist = np.linalg.solve(model.hessian, model.gradient)
    squared = twist @ np.linalg.solve(covariance.twist_covariance(model), twist)
    return float(np.sqrt(squared / len(twist)))
