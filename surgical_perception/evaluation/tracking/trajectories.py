"""
How a track goes wrong over time: end-point error, survival, jitter, drift.

Errors are [N, T] distances (pixels or millimetres), infinite where there is no prediction: a mean
over them is infinite too, so medians and shares stand beside it.
Sources: Zheng et al., "PointOdyssey", ICCV 2023 (median trajectory error, survival).
"""

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.evaluation import metrics
from surgical_perception.evaluation.tracking import arrays

SURVIVAL_PX = 50.0


def mean_error(errors, visible=None):
    """EPE: the mean error of the visible points; infinite after a failure."""
    errors, visible = _checked(errors, visible)
    return float(errors[visible].mean())


def median_error(errors, visible=None):
    """Return the median error of the visible points, failures being infinite."""
    errors, visible = _checked(errors, visible)
    return metrics.percentile(errors[visible], 50)


def last_frame_error(errors, visible=None):
    """Return the mean error in the last frame in which any point is visible."""
    errors, visible = _checked(errors, visible)
    last = np.flatnonzero(visible.any(0))[-1]
    return float(errors[:, last][visible[:, last]].mean())


def median_trajectory_error(errors, visible=None):
    """MTE: the mean over points of the median error over their visible frames."""
    errors, visible = _checked(errors, visible)
    medians = [
        metrics.percentile(e[v], 50) for e, v in zip(errors, visible, strict=True) if v.any()
    ]
    return float(np.mean(medians))


def survival(errors, visible=None, limit=SURVIVAL_PX, start=None):
    """
    Return the share (%) of its frames that a point lives, until its first error above `limit`.

    Only visible frames can end a life.  `start` [N] is the frame of each query (default 0): the
    life is counted from there, over the frames that follow.
    """
    errors, visible = _checked(errors, visible)
    frames = errors.shape[1]
    start = np.zeros(len(errors), int) if start is None else np.asarray(start)
    after = np.arange(frames)[None] >= start[:, None]
    alive = np.cumprod(~((errors > limit) & visible & after), axis=1).astype(bool)
    return 100 * float(((alive & after).sum(1) / after.sum(1)).mean())


def jitter(predicted, truth, visible=None):
    """
    Return the median change of the error vector from frame to frame, in the unit of the points.

    It is blind to an offset and to slow drift.  predicted, truth [N, T, D]; frames count where
    the point is visible in both of a pair.
    """
    predicted, truth = arrays.points(predicted, 'predictions'), arrays.points(truth, 'true points')
    if predicted.shape != truth.shape or truth.ndim != 3:
        raise InputError(
            f'jitter needs tracks [N, T, D] of one shape, not {predicted.shape} and {truth.shape}'
        )
    visible = arrays.flags(visible, truth.shape[:-1], 'visibility')
    both = visible[:, 1:] & visible[:, :-1]
    arrays.require_some(both, 'jitter')
    with np.errstate(invalid='ignore'):  # infinity minus infinity: a failure like NaN
        change = np.linalg.norm(np.diff(predicted - truth, axis=1), axis=-1)
    return metrics.percentile(change[both], 50)


def drift_slope(errors, visible=None):
    """
    Return the slope per frame of the straight line through the median errors of the frames.

    Least squares over the frames in which a point is visible; infinite where a frame has failed
    for half of its points.
    """
    errors, visible = _checked(errors, visible)
    frames = np.flatnonzero(visible.any(0))
    if frames.size < 2:
        raise InputError('a slope needs two frames with visible points at least')
    medians = np.array([metrics.percentile(errors[visible[:, t], t], 50) for t in frames])
    if np.isinf(medians).any():
        return float('inf')
    return float(np.polyfit(frames, medians, 1)[0])


def _checked(errors, visible):
    errors = np.asarray(errors, float)
    if errors.ndim != 2:
        raise InputError(f'errors have the shape {errors.shape}, expected [N, T]')
    visible = arrays.flags(visible, errors.shape, 'visibility')
    arrays.require_some(visible, 'trajectories')
    return np.where(np.isnan(errors), np.inf, errors), visible
