"""Numbers of a Candidate beside the Truth: {name: Metric}."""

from contextlib import suppress

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.evaluation.results import Metric
from surgical_perception.evaluation.tracking import (
    DELTA_3D_MM,
    DELTA_PX,
    coverage,
    delta_avg,
    ellipsoids,
    jaccard,
    point_errors,
    stir,
    stir2026,
    tapvid,
    tapvid3d,
    trajectories,
)

_MM_PER_M = 1e3
_FRAMES = 100  # drift is told per so many frames


def track_scores(candidate, truth, camera):
    """
    Return {name: Metric} of a Candidate against a TrackTruth.

    Every frame but that of the query counts, since offline tracks run both ways.  camera is the
    clip's PinholeCamera.
    """
    frames = truth.queries[:, 2].astype(int)
    judged = tapvid.evaluated_frames(frames, truth.uv.shape[1], 'strided')
    found = _scores_2d(candidate, truth, camera, frames, judged)
    if candidate.xyz_m is not None and truth.xyz_m is not None:
        found |= _scores_3d(candidate, truth, camera, judged)
    return found


def _scores_2d(candidate, truth, camera, frames, judged):
    errors = point_errors(candidate.uv, truth.uv, truth.visible)
    seen = truth.visible & judged
    limits = np.asarray(DELTA_PX)
    own = jaccard.jaccard_score(errors, truth.visible, candidate.visible, limits, limits, judged)
    score = (candidate.uv, truth.uv, truth.visible, candidate.visible)
    size = (camera.width, camera.height)
    strided = tapvid.score(*score, frames, size, 'strided')
    challenge = stir2026.score(*score, evaluated=judged)
    found = {
        'points': Metric(len(errors), '1', 'tracked points'),
        'coverage': Metric(
            coverage(candidate.uv, seen), '%', 'of the visible points have a prediction'
        ),
        'delta_avg_2d': Metric(
            delta_avg(errors, DELTA_PX, seen), '%', 'within 1, 2, 4, 8, 16 px of the clip, mean'
        ),
        'jaccard_2d': Metric(
            own.average_jaccard, '%', 'position and visibility, Jaccard index at these limits'
        ),
        'occlusion_accuracy': Metric(
            own.occlusion_accuracy, '%', 'of points and frames have the right visibility'
        ),
        'epe': Metric(trajectories.mean_error(errors, seen), 'px', 'error in the image, mean'),
        'median_error': Metric(
            trajectories.median_error(errors, seen), 'px', 'error in the image, median'
        ),
        'median_trajectory_error': Metric(
            trajectories.median_trajectory_error(errors, seen),
            'px',
            'median error of a point, mean over points',
        ),
        'last_frame_error': Metric(
            trajectories.last_frame_error(errors, seen), 'px', 'error in the last frame, mean'
        ),
        'survival': Metric(
            trajectories.survival(errors, seen, start=frames),
            '%',
            f'of its frames a point stays within {trajectories.SURVIVAL_PX:g} px',
        ),
        'tapvid_strided_aj': Metric(
            strided.average_jaccard, '%', 'TAP-Vid at 256x256, strided, AJ'
        ),
        'tapvid_strided_delta': Metric(strided.delta_avg, '%', 'TAP-Vid, strided, delta_avg'),
        'stir2026_aj': Metric(challenge.average_jaccard, '%', 'STIR 2026, 2 to 32 px, AJ'),
        'stir2026_ata': Metric(challenge.delta_avg, '%', 'STIR 2026, 2 to 32 px, ATA'),
    }
    with suppress(InputError):  # no point is visible after its query
        first = tapvid.score(*score, frames, size, 'first')
        found['tapvid_first_aj'] = Metric(
            first.average_jaccard, '%', 'TAP-Vid at 256x256, first, AJ'
        )
        found['tapvid_first_delta'] = Metric(first.delta_avg, '%', 'TAP-Vid, first, delta_avg')
    with suppress(InputError):  # one frame has no slope
        found['drift'] = Metric(
            _FRAMES * trajectories.drift_slope(errors, seen),
            'px',
            f'growth of the median error in {_FRAMES} frames',
        )
    return found


def _scores_3d(candidate, truth, camera, judged):
    predicted, true = _MM_PER_M * candidate.xyz_m, _MM_PER_M * truth.xyz_m
    errors = point_errors(predicted, true, truth.visible)
    seen = truth.visible & judged
    flags = (truth.visible, candidate.visible)
    fixed = tapvid3d.score_mm(predicted, true, *flags, evaluated=judged)
    scaled = tapvid3d.score(predicted, true, *flags, (camera.fx, camera.fy), evaluated=judged)
    challenge = stir2026.score(predicted, true, *flags, evaluated=judged)
    found = {
        'coverage_3d': Metric(
            coverage(predicted, seen), '%', 'of the visible points have a 3D prediction'
        ),
        'delta_avg_3d': Metric(
            delta_avg(errors, DELTA_3D_MM, seen), '%', 'within 0.5, 1, 2, 4, 8 mm, mean'
        ),
        'jaccard_3d': Metric(
            fixed.average_jaccard, '%', 'position and visibility, Jaccard index at these limits'
        ),
        'epe_3d': Metric(trajectories.mean_error(errors, seen), 'mm', 'error in 3D, mean'),
        'median_error_3d': Metric(
            trajectories.median_error(errors, seen), 'mm', 'error in 3D, median'
        ),
        'tapvid3d_aj': Metric(scaled.average_jaccard, '%', 'TAPVid-3D, metric, 3D-AJ'),
        'tapvid3d_apd': Metric(scaled.delta_avg, '%', 'TAPVid-3D, metric, APD'),
        'stir2026_aj_3d': Metric(challenge.average_jaccard, '%', 'STIR 2026, 2 to 32 mm, AJ'),
        'stir2026_ata_3d': Metric(challenge.delta_avg, '%', 'STIR 2026, 2 to 32 mm, ATA'),
    }
    with suppress(InputError):  # no point is visible in two frames that follow each other
        found['jitter'] = Metric(
            trajectories.jitter(predicted, true, seen),
            'mm',
            'change of the 3D error from frame to frame, median',
        )
    with suppress(InputError):
        found['drift_3d'] = Metric(
            _FRAMES * trajectories.drift_slope(errors, seen),
            'mm',
            f'growth of the median 3D error in {_FRAMES} frames',
        )
    if candidate.cov_m2 is not None:
        inside = ellipsoids.share_inside(
            candidate.xyz_m, truth.xyz_m, candidate.cov_m2, seen, ellipsoids.PROBABILITY
        )
        found['ellipsoids'] = Metric(inside, '%', 'of the 95 % ellipsoids hold the true point')
    return found


def end_point_scores(candidate, truth):
    """Return {name: Metric} of a Candidate's last frame against an EndPointTruth (STIR 2024)."""
    score = stir.score({'clip': candidate.uv[:, -1]}, {'clip': truth.uv})
    found = {
        'points': Metric(score.points, '1', 'end points'),
        'coverage': Metric(score.coverage, '%', 'of the queries have an end point'),
        'delta_avg': Metric(score.delta_avg, '%', 'within 4, 8, 16, 32, 64 px of a label, mean'),
        'mean_distance': Metric(score.mean_of_clip_means, 'px', 'to the nearest label, mean'),
        'labels_reached': Metric(score.reached, '%', 'of the labels are the nearest of a point'),
    }
    return found | {
        f'within_{limit:g}': Metric(share, '%', f'within {limit:g} px of a label')
        for limit, share in zip(score.thresholds.tolist(), score.shares.tolist(), strict=True)
    }
