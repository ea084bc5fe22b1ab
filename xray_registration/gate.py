"""May this registration be used?  Every limit has a name and every refusal a sentence."""

from typing import NamedTuple

import numpy as np

from xray_registration.result import SolverStatus, Verdict


class Evidence(NamedTuple):
    """What the gate judges by."""

    status: SolverStatus
    cost: float  # at the gate's level; 0 is perfect
    similarity: float  # mean local NCC at the gate's level
    sigma_mm: np.ndarray  # right, down, depth
    overlap: float  # share of the used image that the projected CT covers


def judge(evidence, config):
    """Return (Verdict, reason) for an Evidence by a GateConfig; the reason is '' for OK."""
    unfinished = evidence.status in (SolverStatus.MAX_STEPS, SolverStatus.TIMEOUT)
    refusals = [
        (
            evidence.status in (SolverStatus.NON_FINITE, SolverStatus.ILL_CONDITIONED),
            f'{evidence.status.value}: is the CT in the field of view?',
        ),
        (
            evidence.overlap < config.min_overlap,
            f'the projected CT covers {evidence.overlap:.0%} of the image, '
            f'less than {config.min_overlap:.0%}',
        ),
        (
            not evidence.cost <= config.max_cost_degraded,
            f'X-ray and projected CT do not match: cost {evidence.cost:.3f} is above '
            f'{config.max_cost_degraded:g} (local NCC {evidence.similarity:.2f}); '
            'wrong CT, flipped image, poor start or wrong intensity setting?',
        ),
        (
            # Between minima the covariance, which describes one, means nothing.
            unfinished and evidence.cost > config.max_cost_ok,
            f'{evidence.status.value} before X-ray and projected CT match: cost '
            f'{evidence.cost:.3f} is above {config.max_cost_ok:g}; start nearer',
        ),
    ]
    lateral, depth = max(evidence.sigma_mm[:2]), evidence.sigma_mm[2]
    doubts = [
        (
            evidence.cost > config.max_cost_ok,
            f'X-ray and projected CT match poorly: cost {evidence.cost:.3f} is above '
            f'{config.max_cost_ok:g} (local NCC {evidence.similarity:.2f})',
        ),
        (
            not lateral <= config.max_sigma_lateral_mm,
            f'lateral sigma {lateral:.1f} mm is above {config.max_sigma_lateral_mm:g} mm',
        ),
        (
            not depth <= config.max_sigma_depth_mm,
            f'depth sigma {depth:.1f} mm is above {config.max_sigma_depth_mm:g} mm: '
            'add a view from another angle',
        ),
        (
            unfinished,
            evidence.status.value,
        ),
    ]
    for verdict, checks in ((Verdict.REJECTED, refusals), (Verdict.DEGRADED, doubts)):
        reasons = [text for failed, text in checks if failed]
        if reasons:
            return verdict, '; '.join(reasons)
    return Verdict.OK, ''
