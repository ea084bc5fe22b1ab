"""Points to be tracked: checked, laid out on a grid, and carried between image sizes."""

import json
from pathlib import Path

import numpy as np

from surgical_perception.errors import InputError

# A point at the very edge is soon out of view, and half its surroundings are unknown.
_MARGIN_SHARE = 0.04


def load_queries(path):
    """Read `[[u, v, frame], ...]` from a JSON file as [N, 3]; raises InputError, naming it."""
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        queries = np.array(content, float)
    except OSError as error:
        raise InputError(f'{path}: cannot be read: {error.strerror}') from None
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f'{path}: is not the JSON of [[u, v, frame], ...]: {error}') from None
    if queries.ndim != 2 or queries.shape[1] != 3 or not len(queries):
        raise InputError(f'{path}: expected [[u, v, frame], ...] with at least one point')
    return queries


def checked_queries(queries, camera, frames):
    """
    Return queries as float64 [N, 3] (u, v, frame), at least one.

    camera      PinholeCamera of the image in whose pixels they are
    frames      number of frames of the clip

    Raises InputError for a point that is no number, outside the image, or of a frame that is none.
    """
    queries = np.asarray(queries, float)
    if queries.ndim != 2 or queries.shape[1] != 3 or not len(queries):
        raise InputError(
            f'queries have shape {list(queries.shape)}, expected [N, 3]: u, v and frame of each'
        )
    high = np.array([camera.width, camera.height]) - 0.5
    finite = np.isfinite(queries).all(1)
    inside = ((queries[:, :2] >= -0.5) & (queries[:, :2] < high)).all(1)
    known = np.isin(queries[:, 2], np.arange(frames))
    for good, problem in (
        (finite, 'is no finite number'),
        (inside, f'lies outside the {camera.width}x{camera.height} image'),
        (known, f'names no frame of the clip, 0 to {frames - 1}'),
    ):
        for number in np.flatnonzero(~good)[:1]:
            u, v, frame = queries[number]
            raise InputError(f'query {number}, ({u:g}, {v:g}) of frame {frame:g}, {problem}')
    return queries


def query_grid(observations, count):
    """
    Return about `count` queries [N, 3] on usable, measured pixels of the first frame.

    Raises InputError where there is none.
    """
    first = observations.frames[min(observations.frames)]
    good = first.usable & first.measured
    height, width = good.shape
    margin = round(_MARGIN_SHARE * min(height, width))
    columns = np.sqrt(count * (width - 2 * margin) / (height - 2 * margin))
    u, v = (
        np.linspace(margin, size - 1 - margin, max(round(number), 1)).round().astype(int)
        for size, number in ((width, columns), (height, count / columns))
    )
    u, v = np.meshgrid(u, v)
    u, v = u.ravel(), v.ravel()
    u, v = u[good[v, u]], v[good[v, u]]
    if not len(u):
        raise InputError(
            f'frame {first.index} shows no tissue with a stereo depth to put points on: '
            'give queries on another frame'
        )
    return np.stack([u, v, np.full(len(u), first.index)], -1).astype(float)


def transferred(points, source, target):
    """
    Return points [..., 2 or 3] (u, v and, untouched, frame) in the pixels of another image.

    source, target      PinholeCameras of the same view, scaled or cropped
    """
    points = np.array(points, float)
    for axis, (f, c) in enumerate((('fx', 'cx'), ('fy', 'cy'))):
        ray = (points[..., axis] - getattr(source, c)) / getattr(source, f)
        points[..., axis] = ray * getattr(target, f) + getattr(target, c)
    return points
