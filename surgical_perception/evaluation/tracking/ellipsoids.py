"""Do reported covariances hold what they promise?"""

import numpy as np
from scipy.special import gammaincinv

from surgical_perception.errors import InputError
from surgical_perception.evaluation.tracking import arrays

PROBABILITY = 0.95


def share_inside(predicted, truth, covariances, visible=None, probability=PROBABILITY):
    """
    Return the share (%) of true points inside their ellipsoid; calibrated, it is `probability`.

    predicted, truth    [..., D]
    covariances         [..., D, D], symmetric; one that is singular or no number holds nothing
    visible             [...] bool: the points that count
    """
    predicted, truth = arrays.points(predicted, 'predictions'), arrays.points(truth, 'true points')
    covariances, size = np.asarray(covariances, float), truth.shape[-1]
    if predicted.shape != truth.shape or covariances.shape != (*truth.shape, size):
        raise InputError(
            f'predictions {predicted.shape}, true points {truth.shape} and covariances '
            f'{covariances.shape} do not fit'
        )
    visible = arrays.flags(visible, truth.shape[:-1], 'visibility')
    arrays.require_some(visible, 'ellipsoids')
    error, covariances = (predicted - truth)[visible], covariances[visible]
    inside = np.zeros(len(error), bool)
    usable = np.isfinite(error).all(1) & np.isfinite(covariances).all((1, 2))
    usable[usable] &= np.linalg.eigvalsh(covariances[usable])[:, 0] > 0
    solved = np.linalg.solve(covariances[usable], error[usable][..., None])[..., 0]
    distance = (error[usable] * solved).sum(1)  # squared Mahalanobis distance
    # The quantile of chi-squared; scipy.stats has it too, but takes a second to import.
    inside[usable] = distance <= 2 * gammaincinv(size / 2, probability)
    return 100 * float(inside.mean())
