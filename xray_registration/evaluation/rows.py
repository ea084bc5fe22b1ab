"""The errors of every shot as plain numbers."""

import numpy as np

from surgical_perception.evaluation import metrics
from surgical_perception.geometry import se3

# mTRE is over this many points spread over the bone surface; more change it by < 1 %.
_POINTS = 2000
# 95 % quantile of chi-squared with 6 degrees of freedom.
CHI2_6_95 = 12.5916

ERRORS = ('mtre_mm', 'mpe_px', 'mpe_mm', 'mrpe_mm', 'rotation_deg', 'in_plane_mm', 'depth_mm')


def spread_points(vertices):
    """Return _POINTS of the vertices [N, 3], evenly by their order, float64."""
    step = max(1, len(vertices) // _POINTS)
    return np.asarray(vertices[::step], float)


def rows(outcomes, points, centre, sdd_mm=None):
    """
    Return one dict of numbers for each ShotOutcome; NaN for what is not known or did not succeed.

    points      [N, 3] anatomical points of the CT (m)
    centre      [3] point of the CT (m) whose error is split into the C-arm's axes
    sdd_mm      distance from source to detector, for errors in mm on the detector; None: pixels
    """
    table, last = [], None
    for outcome in outcomes:
        row = _row(outcome, points, centre, sdd_mm)
        row['step_mm'] = np.nan
        if outcome.estimate is not None:
            if last is not None and outcome.tracked:
                row['step_mm'] = metrics.mtre_mm(outcome.estimate, last, points)
            last = outcome.estimate
        table.append(row)
    return table


def _row(outcome, points, centre, sdd_mm):
    estimate, truth, start = outcome.estimate, outcome.truth, outcome.start
    known = truth is not None
    row = {
        'stamp_ns': outcome.stamp_ns,
        'verdict': outcome.verdict,
        'reason': outcome.reason,
        'start': outcome.start_name,
        'reference_frame': outcome.reference_frame,
        'has_truth': known,
        'similarity': outcome.similarity,
        'cost': outcome.cost,
        'remarks': outcome.remarks,
        'sigma_mm': outcome.sigma_mm,
        'iterations': outcome.iterations,
        'starts': outcome.starts,
        'time_s': outcome.time_s,
        'latency_s': outcome.latency_s,
        'start_mtre_mm': (
            metrics.mtre_mm(start, truth, points) if known and start is not None else np.nan
        ),
        'reference_from_ct': None if estimate is None else estimate.ravel(),
    }
    if not known or estimate is None:
        nothing = dict.fromkeys((*ERRORS, 'squared_distance'), np.nan)
        return row | nothing | {'axes_error_mm': np.full(3, np.nan)}
    return row | _errors(outcome, points, centre, sdd_mm)


def _errors(outcome, points, centre, sdd_mm):
    estimate, truth, carm = outcome.estimate, outcome.truth, outcome.carm_from_reference
    axes = metrics.camera_axes_error_mm(estimate, truth, centre, carm)
    mpe_px = metrics.mpe_mm(estimate, truth, points, outcome.camera, carm, pixel_mm=1.0)
    return {
        'mtre_mm': metrics.mtre_mm(estimate, truth, points),
        'mpe_px': mpe_px,
        'mpe_mm': np.nan if sdd_mm is None else mpe_px * sdd_mm / outcome.camera.fx,
        'mrpe_mm': metrics.mrpe_mm(estimate, truth, points, carm),
        'rotation_deg': metrics.rotation_error_deg(estimate, truth),
        'in_plane_mm': metrics.in_plane_error_mm(axes),
        'depth_mm': metrics.depth_error_mm(axes),
        'axes_error_mm': axes,
        'squared_distance': _squared_distance(estimate, truth, outcome.covariance),
    }


def _squared_distance(estimate, truth, covariance):
    """
    Return the squared Mahalanobis distance of the truth in the reported covariance.

    Below CHI2_6_95 the truth lies in the 95 % ellipsoid; NaN without a covariance.
    """
    if covariance is None:
        return np.nan
    turn = se3.log(se3.from_rotation_translation(estimate[:3, :3] @ truth[:3, :3].T, np.zeros(3)))
    error = np.concatenate([estimate[:3, 3] - truth[:3, 3], turn[3:]])
    try:
        return float(error @ np.linalg.solve(covariance, error))
    except np.linalg.LinAlgError:
        return np.nan
