"""What speaks for and against a registered pose; the gate judges by it."""

from typing import NamedTuple

import numpy as np

from surgical_perception.geometry import se3
from xray_registration.result import SolverStatus
from xray_registration.solvers.levenberg_marquardt import is_ill_conditioned

# A pose this far away must match clearly worse.  Right poses gain 0.8 to 0.95 over it, wrong ones
# 0.3 at most, also where both match well because the images are smooth.
_BESIDE_M, _BESIDE_RAD = 0.015, np.deg2rad(6.0)

# Disagreement is that of points this far from the isocentre, across the image, about the size of
# the bones in the field.
_LEVER_M = 0.05


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
    disagreement_mm     how far one view alone would move the CT across its beam; 0 for one view
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
    disagreement_mm: float = 0.0
    mirrored_ratio: float = np.inf
    mirrored_cost: float = np.inf
    mirrored_flip: str = ''


def gathered(objective, estimate, sigma_mm):
    """Return the Evidence of an Estimate by the LevelObjective of the gate."""
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
        _disagreement_mm(objective, pose),
    )


def _gain(objective, ct_from_reference, cost):
    """Return by which share the cost at a pose is below that of poses around it."""
    steps = np.diag([_BESIDE_M] * 3 + [_BESIDE_RAD] * 3)
    beside = [
        objective.evaluate(objective.moved(ct_from_reference, step), 'none').cost for step in steps
    ]
    return 1 - cost / max(float(np.mean(beside)), 1e-12)


def _disagreement_mm(objective, ct_from_reference):
    """
    Return how far one of several views would move the CT across its own beam.

    It is that view's Gauss-Newton step from the common pose, which it would not take where the
    given geometry between the views is right.
    """
    if len(objective.terms) < 2:
        return 0.0
    return max(_pull_mm(objective, term, ct_from_reference) for term in objective.terms)


def _pull_mm(objective, term, ct_from_reference):
    rendering = objective.render_term(term, ct_from_reference)
    model = term.similarity.linearise(rendering.image[0], rendering.jacobian[0])
    if is_ill_conditioned(model.hessian):
        return np.inf
    twist = -np.linalg.solve(model.hessian, model.gradient)
    rotation = (term.camera_from_reference @ se3.inverse(ct_from_reference))[:3, :3]
    shift, turn = rotation @ twist[:3], rotation @ twist[3:]
    # Left, right, above and below the isocentre as the camera sees it.
    points = _LEVER_M * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    across = (shift + np.cross(turn, points))[:, :2]
    return 1e3 * float(np.linalg.norm(across, axis=1).mean())
