"""Points to track: pixels of the left image of a frame, from a file or on a grid."""

import numpy as np

from surg_invnerf.tracks import query_points
from surgical_perception.errors import InputError

# Points along the width of the image, unless a spacing is given.
_GRID_POINTS = 20


def load_queries(path, clip):
    """
    Read `[[u, v, frame], ...]` (pixels of the left image) and return it as float64 [N, 3].

    Raises InputError, naming file and query, for a pixel outside the image and for a frame that
    the clip does not have.
    """
    queries = query_points.load_queries(path)
    try:
        return query_points.checked_queries(queries, clip.camera.left, len(clip))
    except InputError as error:
        raise InputError(f'{path}: {error}') from None


def grid(clip, spacing_px=None, frame=0):
    """
    Return queries [N, 3] on a regular grid that is centred in the left image of a frame.

    `spacing_px` is by default a twentieth of the width.
    """
    width, height = clip.camera.left.width, clip.camera.left.height
    spacing_px = width / _GRID_POINTS if spacing_px is None else float(spacing_px)
    if not 1 <= spacing_px <= min(width, height):
        raise InputError(
            f'the grid has a spacing of {spacing_px:g} pixels, expected 1 to {min(width, height)}'
        )
    u, v = (_centred(size, spacing_px) for size in (width, height))
    u, v = (axis.ravel() for axis in np.meshgrid(u, v))
    queries = np.column_stack([u, v, np.full(u.size, frame)])
    return query_points.checked_queries(queries, clip.camera.left, len(clip))


def _centred(size, spacing_px):
    """Return whole pixels along an axis with equal margins of half a spacing or more."""
    count = int(size // spacing_px)
    return np.floor((size - 1) / 2 + spacing_px * (np.arange(count) - (count - 1) / 2))
