"""
TAPVid-3D: 3D tracks, judged by what an error looks like in the image, or in millimetres.

Source: Koppula et al., "TAPVid-3D: a benchmark for tracking any point in 3D", NeurIPS 2024.
"""

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.evaluation.tracking import accuracy, arrays, jaccard

SCALINGS = ('none', 'median')


def score(predicted, truth, visible, predicted_visible, focal_px, scaling='none', evaluated=None):
    """
    Return the JaccardScore (3D-AJ, APD as `delta_avg`, OA) with limits that grow with depth.

    A limit of k = 1, 2, 4, 8, 16 pixels is the distance k z / f that they span at the true depth.

    predicted, truth    [N, T, 3] in the camera of each frame, any unit of length
    focal_px            (fx, fy) of the images; f is their geometric mean
    scaling             'none' for metric tracks; 'median' first scales the predictions by the
                        ratio of median distances from the camera, as for monocular trackers
    """
    errors, truth, visible = _errors(predicted, truth, visible, predicted_visible, scaling)
    fx, fy = np.asarray(focal_px, float)
    if not (np.isfinite([fx, fy]).all() and fx > 0 and fy > 0):
        raise InputError(f'focal lengths are ({fx:g}, {fy:g}), expected positive pixels')
    names = np.asarray(accuracy.DELTA_PX)
    limits = names[:, None, None] * truth[..., 2] / np.sqrt(fx * fy)
    return jaccard.jaccard_score(errors, visible, predicted_visible, limits, names, evaluated)


def score_mm(predicted_mm, truth_mm, visible, predicted_visible, evaluated=None):
    """Return the JaccardScore of metric tracks [N, T, 3] (mm) at 0.5, 1, 2, 4 and 8 mm."""
    errors, _, visible = _errors(predicted_mm, truth_mm, visible, predicted_visible, 'none')
    limits = np.asarray(accuracy.DELTA_3D_MM)
    return jaccard.jaccard_score(errors, visible, predicted_visible, limits, limits, evaluated)


def _errors(predicted, truth, visible, predicted_visible, scaling):
    """Return (errors [N, T], truth, visible) after scaling the predictions."""
    predicted = arrays.points(predicted, 'predictions', (3,))
    truth = arrays.points(truth, 'true tracks', (3,))
    if truth.ndim != 3:
        raise InputError(f'true tracks have the shape {truth.shape}, expected [N, T, 3]')
    visible = arrays.flags(visible, truth.shape[:-1], 'visibility')
    if scaling not in SCALINGS:
        raise InputError(f'scaling is {scaling!r}, expected one of {", ".join(SCALINGS)}')
    if scaling == 'median':
        seen = arrays.flags(predicted_visible, visible.shape, 'predicted visibility')
        both = visible & seen & np.isfinite(predicted).all(-1)
        arrays.require_some(both, 'median scaling')
        distances = [np.linalg.norm(points[both], axis=-1) for points in (truth, predicted)]
        predicted = predicted * (np.median(distances[0]) / np.median(distances[1]))
    return accuracy.point_errors(predicted, truth, visible), truth, visible
