"""Comparator: Adam on multiscale NCC with the settings of DiffPose, through any renderer."""

from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from surgical_perception.geometry import se3

ROTATION_RATE, TRANSLATION_RATE_MM = 7.5e-3, 7.5
DECAY, DECAY_STEPS = 0.9, 25
MAX_STEPS = 500
# Without this stop every trial would take 500 steps: DiffPose ends by convergence as well.
PATIENCE_STEPS, PATIENCE_LOSS = 60, 1e-5


class Optimised(NamedTuple):
    """The best pose on the way, and how long the way was."""

    ct_from_carm: np.ndarray
    loss: float
    steps: int


def optimise(problem, ct_from_carm, centre_m):
    """
    Minimise `problem.loss_and_gradient` from a start [4, 4] over rotation and translation.

    The problem takes (rotation vector [3] in rad, translation [3] in mm), both in CT axes, the
    rotation being about `centre_m`, and returns the loss and its gradient [6].
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
    for step in range(MAX_STEPS):
        at = rotation.detach().numpy().copy(), translation_mm.detach().numpy().copy()
        loss, gradient = problem.loss_and_gradient(*at)
        if loss < best - PATIENCE_LOSS:
            best, best_step, best_motion = loss, step, motion(*at, centre_m)
        if step - best_step >= PATIENCE_STEPS:
            break
        rotation.grad = torch.from_numpy(gradient[:3].copy())
        translation_mm.grad = torch.from_numpy(gradient[3:].copy())
        adam.step()
        schedule.step()
    return Optimised(best_motion @ ct_from_carm, best, step + 1)


def motion(rotation, translation_mm, centre_m):
    """Return the transform [4, 4] that turns about a point and then shifts."""
    turn = Rotation.from_rotvec(rotation).as_matrix()
    shift = centre_m + 1e-3 * np.asarray(translation_mm) - turn @ centre_m
    return se3.from_rotation_translation(turn, shift)
