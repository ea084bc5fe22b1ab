"""Errors of points, and the share of them that lies within thresholds."""

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.evaluation.tracking import arrays

# The thresholds of TAP-Vid (pixels), and those of endoscopic 3D tracking (millimetres).
DELTA_PX = (1.0, 2.0, 4.0, 8.0, 16.0)
DELTA_3D_MM = (0.5, 1.0, 2.0, 4.0, 8.0)


def point_errors(predicted, truth, visible=None):
    """
    Return distances [...] between points [..., D]; infinite where the prediction is no number.

    `truth` must be finite where `visible` [...] (default: everywhere), else InputError; elsewhere
    an unknown truth gives infinity.
    """
    predicted, truth = arrays.points(predicted, 'predictions'), arrays.points(truth, 'true points')
    if predicted.shape != truth.shape:
        raise InputError(
            f'predictions have the shape {predicted.shape}, true points {truth.shape}: '
            'give one prediction for each, NaN where there is none'
        )
    visible = arrays.flags(visible, truth.shape[:-1], 'visibility')
    if not np.isfinite(truth[visible]).all():
        raise InputError('true points hold NaN or infinity where they are visible')
    distance = np.linalg.norm(predicted - truth, axis=-1)
    return np.where(np.isnan(distance), np.inf, distance)


def coverage(predicted, visible=None):
    """Return the share (%) of the visible points [..., D] for which there is a prediction."""
    predicted = arrays.points(predicted, 'predictions')
    visible = arrays.flags(visible, predicted.shape[:-1], 'visibility')
    arrays.require_some(visible, 'coverage')
    return 100 * float(np.isfinite(predicted).all(-1)[visible].mean())


def shares_within(errors, thresholds, visible=None, strict=True):
    """
    Return the share (%) [K] of errors below each threshold, over the visible points.

    strict      below the threshold (TAP-Vid, STIR 2026), or equal to it too (STIR 2024)
    """
    errors, thresholds = np.asarray(errors, float), arrays.thresholds(thresholds)
    visible = arrays.flags(visible, errors.shape, 'visibility')
    arrays.require_some(visible, 'accuracy')
    return 100 * compare(errors[visible], thresholds, strict).mean(1)


def compare(errors, thresholds, strict=True):
    """Return [K, ...] bool: which errors [...] are within each threshold [K]; NaN is not."""
    limits = np.reshape(thresholds, (-1,) + (1,) * np.ndim(errors))
    return np.asarray(errors) < limits if strict else np.asarray(errors) <= limits


def delta_avg(errors, thresholds, visible=None):
    """
    Return delta_avg (%): the mean over thresholds of the share of errors below them.

    errors      [...] distances in the thresholds' unit; NaN and infinity are failures
    visible     [...] bool: the points that count; None for all

    Source: Doersch et al., "TAP-Vid", NeurIPS 2022, section 4 (there <delta^x_avg).
    """
    return float(shares_within(errors, thresholds, visible).mean())
