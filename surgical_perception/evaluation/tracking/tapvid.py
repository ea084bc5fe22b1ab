"""
TAP-Vid: 2D tracks judged at 256x256, with queries of the first visible frame or strided ones.

Source: Doersch et al., "TAP-Vid: a benchmark for tracking any point in a video", NeurIPS 2022.
"""

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.evaluation.tracking import accuracy, arrays, jaccard

SIZE_PX = 256
STRIDE = 5
MODES = ('first', 'strided')


def score(predicted, truth, visible, predicted_visible, query_frames, size, mode='first'):
    """
    Return the JaccardScore of 2D tracks at 1, 2, 4, 8 and 16 pixels of a 256x256 image.

    predicted, truth            [N, T, 2] pixels of an image of `size` (width, height)
    visible, predicted_visible  [N, T] bool
    query_frames                [N] frame of each query
    mode        'first': only frames after the query count; 'strided': all but the query's
    """
    predicted, truth = (
        arrays.points(predicted, 'predictions', (2,)),
        arrays.points(truth, 'truth', (2,)),
    )
    if truth.ndim != 3:
        raise InputError(f'true tracks have the shape {truth.shape}, expected [N, T, 2]')
    scale = SIZE_PX / np.asarray(size, float)
    errors = accuracy.point_errors(predicted * scale, truth * scale, visible)
    evaluated = evaluated_frames(query_frames, truth.shape[1], mode)
    limits = np.asarray(accuracy.DELTA_PX)
    return jaccard.jaccard_score(errors, visible, predicted_visible, limits, limits, evaluated)


def evaluated_frames(query_frames, frames, mode='first'):
    """Return [N, T] bool: the frames in which the track of each query is judged."""
    if mode not in MODES:
        raise InputError(f'query mode is {mode!r}, expected one of {", ".join(MODES)}')
    query_frames = np.asarray(query_frames)
    if query_frames.ndim != 1 or not np.isin(query_frames, np.arange(frames)).all():
        raise InputError(f'query frames must be [N] whole numbers from 0 to {frames - 1}')
    every, query = np.arange(frames)[None], query_frames[:, None]
    return every > query if mode == 'first' else every != query


def sample_queries(truth, visible, mode='first', stride=STRIDE):
    """
    Return (queries [M, 3] as (u, v, frame), index [M] of their track) from true tracks [N, T, 2].

    'first': each track once, where it is first visible.  'strided': in every `stride`-th frame,
    each track that is visible there.  Tracks that are never visible are left out.
    """
    truth = arrays.points(truth, 'true tracks', (2,))
    visible = arrays.flags(visible, truth.shape[:-1], 'visibility')
    if mode == 'first':
        index = np.flatnonzero(visible.any(1))
        frames = visible[index].argmax(1)
    elif mode == 'strided':
        chosen = visible & (np.arange(visible.shape[1]) % stride == 0)
        index, frames = np.nonzero(chosen)
    else:
        raise InputError(f'query mode is {mode!r}, expected one of {", ".join(MODES)}')
    return np.column_stack([truth[index, frames], frames]), index
