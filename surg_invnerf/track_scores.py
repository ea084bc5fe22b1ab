"""Tracks beside the truth of a scene, in the figures that this field compares trackers by."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from surgical_perception.evaluation.tracking import accuracy, trajectories

# Squared Mahalanobis distance within which 95 % of points lie, for three dimensions.
ELLIPSOID_95 = chi2.ppf(0.95, 3)
_MM_PER_M = 1e3


@dataclass(frozen=True)
class TrackScores:
    """
    Over the points that are truly visible; a point without a prediction is an infinite error.

    delta_px, delta_mm      delta_avg (%) at 1 to 16 px and 0.5 to 8 mm
    mean_px                 mean error
    last_px                 mean error in the last frame
    visibility              share (%) of all points and frames whose visibility is told right
    ellipsoid               share (%) of the truths that the 95 % ellipsoid holds; NaN without one
    coverage                share (%) of the points for which there is a prediction
    """

    delta_px: float
    delta_mm: float
    mean_px: float
    last_px: float
    visibility: float
    ellipsoid: float
    coverage: float


def score(truth, judged, uv, xyz_m, visible, cov_m2=None):
    """
    Return the TrackScores of predictions.

    truth           TrueTracks
    judged          [N, T] bool: points and frames that count; those before a query do not
    uv, xyz_m       [N, T, 2 and 3] predictions; NaN where there is none
    visible         [N, T] bool
    cov_m2          [N, T, 3, 3] of xyz_m
    """
    seen = truth.visible & judged
    error_px = accuracy.point_errors(uv, truth.uv, seen)
    error_mm = errors_mm(xyz_m, truth, seen)
    return TrackScores(
        delta_px=accuracy.delta_avg(error_px, accuracy.DELTA_PX, seen),
        delta_mm=accuracy.delta_avg(error_mm, accuracy.DELTA_3D_MM, seen),
        mean_px=trajectories.mean_error(error_px, seen),
        last_px=trajectories.last_frame_error(error_px, seen),
        visibility=100 * float((visible == truth.visible)[judged].mean()),
        ellipsoid=_held(truth, seen, xyz_m, cov_m2),
        coverage=accuracy.coverage(uv, seen),
    )


def errors_mm(xyz_m, truth, seen):
    """Return the 3D errors [N, T] in mm."""
    return accuracy.point_errors(_MM_PER_M * xyz_m, _MM_PER_M * truth.xyz_m, seen)


def after_query(queries, frames):
    """Return [N, T] bool: the frames after that of each query [N, 3]."""
    return np.asarray(frames)[None] > np.asarray(queries)[:, 2:]


def _held(truth, seen, xyz_m, cov_m2):
    """Return the share (%) of true points within the 95 % ellipsoid around the prediction."""
    if cov_m2 is None:
        return float('nan')
    known = seen & np.isfinite(xyz_m).all(-1)
    offset = (truth.xyz_m - xyz_m)[known]
    solved = np.linalg.solve(cov_m2[known].astype(float), offset[..., None])[..., 0]
    return 100 * float(((offset * solved).sum(-1) <= ELLIPSOID_95).mean())
