"""
SCARED: mean absolute error of depth per frame, over the pixels that have a label.

Source: Allan et al., "Stereo correspondence and reconstruction of endoscopic data challenge",
2021, section 4: frames of which less than a tenth is labelled are left out.
"""

from dataclasses import dataclass

import numpy as np

from surgical_perception.errors import InputError

MIN_LABELLED = 0.1
_MM_PER_M = 1e3


@dataclass(frozen=True)
class DepthScore:
    """
    One frame: mean and median absolute error (mm), coverage (%), share of labelled pixels (%).

    A labelled pixel without a prediction has an infinite error.
    """

    mean_mm: float
    median_mm: float
    coverage: float
    labelled: float


def score_frame(predicted_m, truth_m, min_labelled=MIN_LABELLED):
    """
    Return the DepthScore of depth maps [H, W] (m), or None where too few pixels are labelled.

    A truth that is not finite and positive is no label.  Raises InputError for unequal sizes.
    """
    predicted_m, truth_m = np.asarray(predicted_m, float), np.asarray(truth_m, float)
    if predicted_m.shape != truth_m.shape or truth_m.ndim != 2:
        raise InputError(
            f'depth maps have the sizes {predicted_m.shape} and {truth_m.shape}, '
            'expected the same [H, W]'
        )
    labelled = np.isfinite(truth_m) & (truth_m > 0)
    if not labelled.any() or labelled.mean() < min_labelled:
        return None
    predicted = predicted_m[labelled]
    known = np.isfinite(predicted) & (predicted > 0)
    errors_mm = np.full(predicted.size, np.inf)
    errors_mm[known] = _MM_PER_M * np.abs(predicted[known] - truth_m[labelled][known])
    return DepthScore(
        mean_mm=float(errors_mm.mean()),
        median_mm=float(np.median(errors_mm)),
        coverage=100 * float(known.mean()),
        labelled=100 * float(labelled.mean()),
    )


def score_frames(scores):
    """Return (mean over frames of their mean errors in mm, number of frames); None is no frame."""
    means = [score.mean_mm for score in scores if score is not None]
    if not means:
        raise InputError('no frame has enough labelled depth')
    return float(np.mean(means)), len(means)
