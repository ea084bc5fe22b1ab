"""What a registration returns, and the enumerations that its words come from."""

from dataclasses import dataclass
from enum import Enum

import numpy as np


class Verdict(Enum):
    """May the pose be used?"""

    OK = 'OK'
    DEGRADED = 'DEGRADED'
    REJECTED = 'REJECTED'


class SolverStatus(Enum):
    """How the optimisation ended; the value is the text for people."""

    CONVERGED = 'converged'
    MAX_STEPS = 'stopped at the largest number of steps'
    DIVERGED = 'no step lowers the cost'
    NON_FINITE = 'the cost is not finite'
    ILL_CONDITIONED = 'the image does not determine the pose'
    TIMEOUT = 'stopped at the time limit'
    NOT_STARTED = 'not started: the image shows nothing'


@dataclass(frozen=True)
class Result:
    """
    A registration with its uncertainty and verdict.

    reference_from_ct   [4, 4] pose of the CT in the reference frame (m)
    covariance          [6, 6] (m, rad), as PoseWithCovariance has it: errors (x, y, z) of the
                        ct origin and fixed-axis rotations, in the axes of the reference frame
    sigma_mm            [3] standard deviation of the isocentre along the first view's optical
                        axes: right, down, depth
    verdict, reason     OK / DEGRADED / REJECTED, and why in one sentence ('' for OK)
    similarity          mean local NCC at the gate's level, 1 is perfect
    status              SolverStatus of the finest level
    iterations          accepted LM steps over all levels of the winning start
    starts              number of starts that were tried
    time_s              seconds, without loading
    cost                robust spherical distance at the gate's level, 0 is perfect
    overlap             share of the image that the projected CT covers
    calibration         Calibration of the C-arm's geometry where it was asked for, else None
    evidence            what the verdict was made of; None where no search was worth it
    observability       Observability: the least certain direction; None where it was not asked for
    """

    reference_from_ct: np.ndarray
    covariance: np.ndarray
    sigma_mm: np.ndarray
    verdict: Verdict
    reason: str
    similarity: float
    status: SolverStatus
    iterations: int
    starts: int
    time_s: float
    cost: float = float('nan')
    overlap: float = float('nan')
    calibration: object = None
    evidence: object = None
    observability: object = None
