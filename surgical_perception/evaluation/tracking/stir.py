"""
STIR 2024 and 2025: accuracy of end points whose identity is not known.

Infrared tattoos are labelled in the first and in the last frame, without saying which is which:
an end point is as wrong as its distance from the nearest labelled one.  That favours points that
flock together, so the static control (query points taken for end points) belongs beside it.
Source: Schmidt et al., "Point tracking in surgery: the 2024 STIR challenge", 2025.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from surgical_perception.errors import InputError
from surgical_perception.evaluation.tracking import accuracy, arrays

THRESHOLDS_PX = (4.0, 8.0, 16.0, 32.0, 64.0)  # of the full 1280x1024 image
THRESHOLDS_MM = (2.0, 4.0, 8.0, 16.0, 32.0)

# <case>/left/seq<NN>, whatever stands before it
_KEY_PARTS = 3


@dataclass(frozen=True)
class EndPointScore:
    """
    Scores over the end points of all clips together.

    thresholds          [K] px or mm
    shares              [K] share (%) of end points within (or on) each threshold
    delta_avg           their mean (%)
    mean_of_clip_means  mean over clips of the mean distance; infinite after a failure
    coverage            share (%) of the query points for which there is an end point
    reached             share (%) of the labelled points that are the nearest of some end point:
                        low where end points flock together
    clips, points       numbers behind it
    clip_means          {clip: mean distance}, for a paired bootstrap
    """

    thresholds: np.ndarray
    shares: np.ndarray
    delta_avg: float
    mean_of_clip_means: float
    coverage: float
    reached: float
    clips: int
    points: int
    clip_means: dict[str, float]


def score(predicted, labelled, thresholds=THRESHOLDS_PX):
    """
    Return the EndPointScore of {clip: end points [N, D]} against {clip: labels [M, D]}.

    Every labelled clip needs its predictions, with NaN for points that were lost; clips without a
    label are refused.  Pooled over points, as the challenge does.
    """
    thresholds = arrays.thresholds(thresholds)
    _require_same_clips(predicted, labelled)
    distances, reached = {}, {}
    for clip, labels in labelled.items():
        distances[clip], reached[clip] = nearest_distances(predicted[clip], labels, clip)
    pooled = np.concatenate(list(distances.values()))
    shares = accuracy.shares_within(pooled, thresholds, strict=False)
    clip_means = {clip: float(values.mean()) for clip, values in distances.items()}
    return EndPointScore(
        thresholds=thresholds,
        shares=shares,
        delta_avg=float(shares.mean()),
        mean_of_clip_means=float(np.mean(list(clip_means.values()))),
        coverage=100 * float(np.isfinite(pooled).mean()),
        reached=100 * float(np.concatenate(list(reached.values())).mean()),
        clips=len(distances),
        points=pooled.size,
        clip_means=clip_means,
    )


def nearest_distances(predicted, labels, clip='clip'):
    """
    Return (distances [N] to the nearest label, reached [M] bool); a lost point is infinitely far.

    predicted [N, D], labels [M, D]; both need a point at least.  Raises InputError.
    """
    predicted = arrays.points(predicted, f'{clip}: end points')
    labels = arrays.points(labels, f'{clip}: labelled points')
    if labels.ndim != 2 or predicted.ndim != 2 or predicted.shape[1] != labels.shape[1]:
        raise InputError(
            f'{clip}: end points {predicted.shape} and labels {labels.shape} do not fit: '
            'expected [N, D] and [M, D]'
        )
    if not np.isfinite(labels).all():
        raise InputError(f'{clip}: a labelled point holds NaN or infinity')
    known = np.isfinite(predicted).all(1)
    distances, reached = np.full(len(predicted), np.inf), np.zeros(len(labels), bool)
    if known.any():
        distances[known], nearest = KDTree(labels).query(predicted[known])
        reached[nearest] = True
    return distances, reached


def load_points(path):
    """
    Read {clip: points [N, D]} from a JSON file of STIR's labels or of a tracker's end points.

    Clips are named by the last three parts of their key (`<case>/left/seq<NN>`): what stands
    before differs from machine to machine.  Clips without points are left out.
    """
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
    except OSError as error:
        raise InputError(f'{path}: cannot be read: {error.strerror}') from None
    except ValueError as error:
        raise InputError(f'{path}: is no JSON: {error}') from None
    if not isinstance(content, dict):
        raise InputError(f'{path}: expected {{"<case>/left/seq<NN>": [[u, v], ...]}}')
    named = {'/'.join(key.split('/')[-_KEY_PARTS:]): value for key, value in content.items()}
    if len(named) != len(content):
        raise InputError(
            f'{path}: two clips have the same name: their keys must differ at the end'
        )
    return {
        clip: arrays.points(value, f'{path}: {clip}: points')
        for clip, value in named.items()
        if value
    }


def _require_same_clips(predicted, labelled):
    if not labelled:
        raise InputError('no clip has labelled points')
    missing = sorted(labelled.keys() - predicted.keys())
    if missing:
        raise InputError(
            f'{len(missing)} labelled clips have no end points ({missing[0]} ...): '
            'give NaN for points that were lost'
        )
    unknown = sorted(predicted.keys() - labelled.keys())
    if unknown:
        raise InputError(f'{len(unknown)} clips have no labels ({unknown[0]} ...): leave them out')
