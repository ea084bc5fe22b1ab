"""Position and visibility judged together: the Jaccard index of tracked points."""

from dataclasses import dataclass

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.evaluation.tracking import accuracy, arrays


@dataclass(frozen=True)
class JaccardScore:
    """
    Scores over all evaluated points together, in per cent.

    thresholds          [K]
    jaccard             [K] TP / (TP + FP + FN) at each threshold
    within              [K] share of the truly visible points within each threshold, whatever
                        visibility was predicted
    occlusion_accuracy  share of points whose predicted visibility is right
    points              number of evaluated points, visible or not
    coverage            share of the truly visible points that have a prediction
    """

    thresholds: np.ndarray
    jaccard: np.ndarray
    within: np.ndarray
    occlusion_accuracy: float
    points: int
    coverage: float

    @property
    def average_jaccard(self):
        """AJ: the mean over thresholds."""
        return float(self.jaccard.mean())

    @property
    def delta_avg(self):
        """The mean over thresholds of `within`; STIR 2026 calls it ATA."""
        return float(self.within.mean())


def jaccard_score(errors, visible, predicted_visible, limits, names, evaluated=None):
    """
    Return the JaccardScore of errors [...] below `limits` [K] or [K, ...] (strictly).

    A true positive is visible, predicted visible and within the limit.  A false positive is
    predicted visible but hidden or too far; a false negative is visible but predicted hidden or
    too far: a visible point that is too far counts as both.

    visible, predicted_visible, evaluated   [...] bool; only `evaluated` points count
    names                                   [K] thresholds to report
    Source: Doersch et al., "TAP-Vid", NeurIPS 2022, section 4.
    """
    errors = np.asarray(errors, float)
    visible = arrays.flags(visible, errors.shape, 'visibility')
    found = arrays.flags(predicted_visible, errors.shape, 'predicted visibility')
    chosen = arrays.flags(evaluated, errors.shape, 'choice of evaluated points')
    arrays.require_some(chosen & visible, 'Jaccard index')
    predicted = np.isfinite(errors)
    limits, names = np.asarray(limits, float), arrays.thresholds(names)
    if limits.shape not in {(names.size,), (names.size, *errors.shape)}:
        raise InputError(f'limits have the shape {limits.shape} for {names.size} thresholds')
    if limits.ndim == 1:
        within = accuracy.compare(errors, limits)
    else:
        with np.errstate(invalid='ignore'):  # the limit of a hidden point may be unknown
            within = errors[None] < limits
    axes = tuple(range(1, within.ndim))
    hit = (within & visible & found & chosen).sum(axes)
    false_positive = (found & (~visible | ~within) & chosen).sum(axes)
    positives = (visible & chosen).sum()
    return JaccardScore(
        thresholds=names,
        jaccard=100 * hit / (positives + false_positive),
        within=100 * (within & visible & chosen).sum(axes) / positives,
        occlusion_accuracy=100 * float((found == visible)[chosen].mean()),
        points=int(chosen.sum()),
        coverage=100 * float(predicted[visible & chosen].mean()),
    )
