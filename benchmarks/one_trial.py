"""One method from one start, measured against the truth."""

import numpy as np
from records import Record

from surgical_perception.errors import InputError
from surgical_perception.evaluation.metrics import (
    camera_axes_error_mm,
    depth_error_mm,
    in_plane_error_mm,
    mtre_mm,
    rotation_error_deg,
)
from surgical_perception.geometry import se3


def run_trial(method, xrays, volumes, start_range, pose, start, carm_from_ct):
    """
    Run a Method from one start pose [4, 4] on X-ray number `pose`; return its Record.

    A method that refuses its input or breaks down counts with infinite errors.
    """
    truth = xrays.carm_from_ct[pose]
    errors = _errors(carm_from_ct, truth, xrays)
    common = {
        'method': method.label,
        'case': xrays.case.name,
        'start_range': start_range.name,
        'pose': pose,
        'start': start,
        'start_mtre_mm': errors['mtre_mm'],
    }
    try:
        outcome = method.run(xrays.views[pose], volumes, carm_from_ct, start_range)
    except (InputError, np.linalg.LinAlgError, FloatingPointError) as error:
        infinite = dict.fromkeys(errors, float('inf'))
        failed = {'time_s': float('nan'), 'verdict': '', 'starts_used': 0, 'error': str(error)}
        failed['mahalanobis2'] = float('nan')
        return Record(**common, **infinite, **failed)
    return Record(
        **common,
        **_errors(outcome.carm_from_ct, truth, xrays),
        mahalanobis2=_mahalanobis2(outcome, truth),
        time_s=outcome.time_s,
        verdict=outcome.verdict,
        starts_used=outcome.starts,
        error='',
    )


def _mahalanobis2(outcome, truth):
    """Return e C^-1 e of the pose error as PoseWithCovariance means it; NaN without a C."""
    if outcome.covariance is None:
        return float('nan')
    shift = outcome.carm_from_ct[:3, 3] - truth[:3, 3]
    turn = se3.log(outcome.carm_from_ct @ se3.inverse(truth))[3:]
    error = np.concatenate([shift, turn])
    return float(error @ np.linalg.solve(outcome.covariance, error))


def _errors(carm_from_ct, truth, xrays):
    axes = camera_axes_error_mm(carm_from_ct, truth, xrays.case.ct.isocentre_m, np.eye(4))
    return {
        'mtre_mm': mtre_mm(carm_from_ct, truth, xrays.points),
        'in_plane_mm': in_plane_error_mm(axes),
        'depth_mm': depth_error_mm(axes),
        'rotation_deg': rotation_error_deg(carm_from_ct, truth),
    }
