"""
Adam over a pose, with the settings of DiffPose.

The pose is a rotation vector and a translation apart from the start, each with a rate of its own;
both rates fall stepwise.  The best pose on the way is kept.

Source: Gopalakrishnan et al., "Intraoperative 2D/3D image registration via differentiable X-ray
rendering", CVPR 2024 (rates, decay, number of steps); the end by patience is our choice.
"""

from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from surgical_perception.geometry import se3
from xray_registration.result import SolverStatus

ROTATION_RATE, TRANSLATION_RATE_MM = 7.5e-3, 7.5
DECAY, DECAY_STEPS = 0.9, 25
MAX_STEPS = 500
# Without this end every registration would take 500 steps: the loss has settled long before.
PATIENCE_STEPS, PATIENCE_LOSS = 60, 1e-5


class Optimised(NamedTuple):
    """The best pose [4, 4] on the way, its loss, how the way ended and how long it was."""

    ct_from_reference: np.ndarray
    loss: float
    status: SolverStatus
    steps: int


def minimise(loss_and_gradient, ct_from_reference, centre_m, interrupt):
    """
    Minimise a loss from a start [4, 4] over rotation and translation; return Optimised.

    loss_and_gradient   takes a rotation vector [3] (rad) and a translation [3] (mm), as `motion`
                        does, and returns the loss and its gradient [6]
    centre_m            [3] in `ct`, about which is turned
    interrupt           called before each step; True ends with TIMEOUT
    """
    rotation = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    translation_mm = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam(
        [
            {'params': [rotation], 'lr': ROTATION_RATE},
            {'params': [translation_mm], 'lr': TRANSLATION_RATE_MM},
        ]
    )
    schedule = torch.optim.lr_scheduler.StepLR(adam, DECAY_STEPS, DECAY)
    best, best_step, best_motion = np.inf, 0, np.eye(4)
    status, steps = SolverStatus.MAX_STEPS, 0
    while steps < MAX_STEPS:
        if interrupt():
            status = SolverStatus.TIMEOUT
            break
        at = rotation.detach().numpy().copy(), translation_mm.detach().numpy().copy()
        loss, gradient = loss_and_gradient(*at)
        if not (np.isfinite(loss) and np.isfinite(gradient).all()):
            status = SolverStatus.NON_FINITE
            break
        if loss < best - PATIENCE_LOSS:
            best, best_step, best_motion = loss, steps, motion(*at, centre_m)
        if steps - best_step >= PATIENCE_STEPS:
            status = SolverStatus.CONVERGED
            break
        rotation.grad = torch.from_numpy(gradient[:3].copy())
        translation_mm.grad = torch.from_numpy(gradient[3:].copy())
        adam.step()
        schedule.step()
        steps += 1
    return Optimised(best_motion @ ct_from_reference, best, status, steps)


def motion(rotation, translation_mm, centre_m):
    """Return the transform [4, 4] that turns about a point and then shifts."""
    turn = Rotation.from_rotvec(rotation).as_matrix()
    shift = centre_m + 1e-3 * np.asarray(translation_mm) - turn @ centre_m
    return se3.from_rotation_translation(turn, shift)
