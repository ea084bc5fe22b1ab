"""
STIR 2026: labels in many frames, with visibility, and the latency of a streaming tracker.

Source: the challenge's page on evaluation (AJ, ATA and OA, pooled over clips; strict thresholds).
"""

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.evaluation import metrics
from surgical_perception.evaluation.tracking import accuracy, arrays, jaccard

THRESHOLDS = (2.0, 4.0, 8.0, 16.0, 32.0)  # pixels (mono) or millimetres (stereo)
WARM_UP_FRAMES = 10
PERCENT = 95


def score(predicted, truth, visible, predicted_visible, thresholds=THRESHOLDS, evaluated=None):
    """
    Return the JaccardScore (AJ, ATA as `delta_avg`, OA) of points [N, T, D].

    The frame of the queries is no result: leave it out, or mark it in `evaluated` [N, T].  A
    stereo point is visible where both images show it.  Points of several clips are joined along N
    after flattening, since the challenge pools them.
    """
    errors = accuracy.point_errors(predicted, truth, visible)
    limits = arrays.thresholds(thresholds)
    return jaccard.jaccard_score(errors, visible, predicted_visible, limits, limits, evaluated)


def latency_p95_ms(latencies_ms):
    """
    Return the 95th percentile of the latencies of all clips, without each one's warm-up.

    latencies_ms    list of [T] per clip: of the frames after the one with the queries, of which
                    the first 10 are warm-up.  NaN (no answer) is an infinite latency.
    """
    kept = [np.ravel(np.asarray(clip, float))[WARM_UP_FRAMES:] for clip in latencies_ms]
    kept = np.concatenate(kept) if kept else np.empty(0)
    if not kept.size:
        raise InputError(
            f'no latency is left after {WARM_UP_FRAMES} frames of warm-up: the clips are too short'
        )
    return metrics.percentile(kept, PERCENT)
