"""
Is one tracker better than another?  A paired bootstrap over clips.

Points of one clip fail together, and a hard clip is hard for all: clips are drawn, not points, and
both trackers are compared on the same draw.  Frames of one clip resemble their neighbours: they
are drawn in blocks.
"""

from dataclasses import dataclass

import numpy as np

from surgical_perception.errors import InputError

SAMPLES = 10_000
_MIN_CLIPS = 2


@dataclass(frozen=True)
class Difference:
    """First minus second: value, 95 % interval, share of draws in which it is above zero."""

    value: float
    low: float
    high: float
    above_zero: float
    clips: int


def paired_bootstrap(first, second, weights=None, samples=SAMPLES, seed=0, block=1):
    """
    Return the Difference of the means of two trackers' scores on the same clips.

    first, second   [C] score per clip, or {clip: score} with equal clips; finite
    weights         [C] numbers of points: the mean is then that of the pooled points
    block           that many neighbours are drawn together, in a circle (Politis and Romano,
                    1992): for scores in the order of time
    """
    first, second = _paired(first, second)
    weights = np.ones(first.size) if weights is None else np.asarray(weights, float)
    if weights.shape != first.shape or not (weights > 0).all():
        raise InputError('a paired bootstrap needs one positive weight per clip')
    rng = np.random.default_rng(seed)
    if not 1 <= block <= first.size:
        raise InputError(f'blocks of {block} cannot be drawn from {first.size} scores')
    starts = rng.integers(first.size, size=(samples, -(-first.size // block), 1))
    drawn = ((starts + np.arange(block)) % first.size).reshape(samples, -1)[:, : first.size]
    gain = weights * (first - second)
    differences = gain[drawn].sum(1) / weights[drawn].sum(1)
    low, high = np.percentile(differences, [2.5, 97.5])
    return Difference(
        value=float(gain.sum() / weights.sum()),
        low=float(low),
        high=float(high),
        above_zero=100 * float((differences > 0).mean()),
        clips=first.size,
    )


def _paired(first, second):
    if isinstance(first, dict) and isinstance(second, dict):
        if first.keys() != second.keys():
            raise InputError('a paired bootstrap needs the same clips for both trackers')
        second = [second[clip] for clip in first]
        first = list(first.values())
    first, second = np.asarray(first, float), np.asarray(second, float)
    if first.shape != second.shape or first.ndim != 1 or first.size < _MIN_CLIPS:
        raise InputError(
            f'a paired bootstrap needs two equal lists of at least {_MIN_CLIPS} clips, '
            f'not {first.shape} and {second.shape}'
        )
    if not np.isfinite([first, second]).all():
        raise InputError('a score is not finite: compare shares, which count failures')
    return first, second
