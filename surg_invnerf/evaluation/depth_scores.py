"""Depth maps at working size beside true ones at the clip's size."""

import cv2
import numpy as np

from surg_invnerf.tracks.query_points import transferred
from surgical_perception.errors import InputError
from surgical_perception.evaluation.metrics import percentile
from surgical_perception.evaluation.results import Metric
from surgical_perception.evaluation.tracking import depth


def depth_scores(candidates, truth_maps, working, given, frames):
    """
    Return [{name: Metric}] of the candidates that have depth, in one pass over the truth.

    truth_maps      iterator of (frame, depth_m at the clip's size)
    working, given  PinholeCameras of the depth of the candidates, and of the clip
    frames          the frames that could be measured; others count as failures
    """
    per_frame = [[] for _ in candidates]
    judged = 0
    for frame, truth_m in truth_maps:
        truth_m = at_size_of(truth_m, given, working)
        judged += 1
        for scores, candidate in zip(per_frame, candidates, strict=True):
            predicted_m = candidate.depth_m(frame) if frame in frames else truth_m * np.nan
            scores.append(depth.score_frame(predicted_m, truth_m))
    if not judged:
        raise InputError('the truth holds no depth map')
    return [_metrics(scores) for scores in per_frame]


def at_size_of(depth_m, given, working):
    """Return a depth map of the camera `given` at the pixels of `working`: the nearest ones."""
    u, v = np.meshgrid(np.arange(working.width), np.arange(working.height))
    uv = transferred(np.stack([u, v], -1), working, given).astype(np.float32)
    return cv2.remap(
        np.asarray(depth_m, np.float32),
        uv[..., 0],
        uv[..., 1],
        cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=float('nan'),
    )


def _metrics(scores):
    mean_mm, frames = depth.score_frames(scores)
    kept = [score for score in scores if score is not None]
    return {
        'depth_frames': Metric(frames, '1', 'frames with enough labelled depth'),
        'depth_error': Metric(mean_mm, 'mm', 'absolute error of depth, mean per frame, mean'),
        'depth_median': Metric(
            percentile([score.median_mm for score in kept], 50),
            'mm',
            'absolute error of depth, median per frame, median',
        ),
        'depth_coverage': Metric(
            float(np.mean([score.coverage for score in kept])), '%', 'of the labels are predicted'
        ),
    }
