"""
Named points of the bones in a CT, from its labels: where a registration is to be judged.

An error in mm means something at a point that somebody cares about, and next to nothing at the
corner of a volume.
"""

import json
from pathlib import Path

import numpy as np
from scipy import ndimage

from surgical_perception.errors import InputError
from surgical_perception.evaluation import results

# The outermost points of a bone along the patient's axes (LPS).
_EXTREMES = {
    'left': (1, 0, 0),
    'right': (-1, 0, 0),
    'back': (0, 1, 0),
    'front': (0, -1, 0),
    'head': (0, 0, 1),
    'foot': (0, 0, -1),
}

# A table with a row for each number up to the largest label is made.
_MAX_LABEL = 65535


def landmarks_of(ct, names=None):
    """
    Return {name: [3] in `ct` (m)} of the labels of a CtImage.

    For each label NAME: NAME.centre, the mean of its voxel centres, and NAME.left, .right, .front,
    .back, .head and .foot, its outermost voxel centres.  Only the largest connected piece of a
    label counts, since a stray voxel makes no landmark.

    names   {label: name} of those wanted; None takes all but 0, named by their numbers

    Raises InputError where a wanted label is missing.
    """
    if int(ct.labels.max()) > _MAX_LABEL:
        raise InputError(f'{ct.path}: a label is {ct.labels.max()}, expected {_MAX_LABEL} at most')
    boxes = ndimage.find_objects(ct.labels.astype(np.int32))
    found = {label + 1: box for label, box in enumerate(boxes) if box is not None}
    if names is None:
        names = {label: str(label) for label in found}
    if missing := sorted(set(names) - set(found)):
        raise InputError(
            f'{ct.path}: its labels have no {", ".join(map(str, missing))}: they have '
            f'{", ".join(map(str, found))}'
        )
    points = {}
    for label, name in names.items():
        voxels_m = _voxel_centres(ct, label, found[label])
        centre = voxels_m.mean(0)
        points[f'{name}.centre'] = centre
        for side, direction in _EXTREMES.items():
            points[f'{name}.{side}'] = _outermost(voxels_m, np.array(direction, float), centre)
    return points


def save_landmarks(path, points_m, ct):
    """Write named points of a CtImage as JSON, with what they belong to."""
    content = {
        'frame': 'ct',
        'unit': 'm',
        'axes': 'left, posterior, head (LPS)',
        'ct': {'path': ct.path, 'sha256': ct.sha256},
        'points': {name: np.asarray(point).tolist() for name, point in points_m.items()},
    }
    return results.write_json(Path(path), content)


def load_landmarks(path):
    """
    Read {name: [3] in `ct` (m)} from a JSON {"frame": "ct", "unit": "m", "points": {name: [3]}}.

    Raises InputError, naming the file, for another frame or unit, or for what is no point.
    """
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
        frame, unit, points = (content[key] for key in ('frame', 'unit', 'points'))
    except OSError as error:
        raise InputError(f'{path}: cannot be read: {error.strerror}') from None
    except (ValueError, RecursionError) as error:
        raise InputError(f'{path}: is no JSON: {error}') from None
    except (KeyError, TypeError):
        raise InputError(f'{path}: expected a JSON with frame, unit and points') from None
    if (frame, unit) != ('ct', 'm'):
        raise InputError(f'{path}: is in frame {frame} and unit {unit}, expected ct and m')
    if not isinstance(points, dict) or not points:
        raise InputError(f'{path}: holds no points')
    return {name: _point(f'{path}: {name}', point) for name, point in points.items()}


def parsed_names(words):
    """Turn ['25=sacrum', '77'] into {25: 'sacrum', 77: '77'}, or None where there are none."""
    names = {}
    for word in words:
        label, _, name = word.partition('=')
        if not label.isdecimal() or int(label) == 0:
            raise InputError(f'label {word!r} is no NUMBER or NUMBER=NAME, with a number above 0')
        names[int(label)] = name or label
    if len(set(names.values())) != len(names):
        raise InputError(f'two labels have one name: {", ".join(words)}')
    return names or None


def _voxel_centres(ct, label, box):
    """Return the voxel centres [N, 3] (m) of the largest piece of a label in its box."""
    pieces, _ = ndimage.label(ct.labels[box] == label)
    largest = np.argmax(np.bincount(pieces.ravel())[1:]) + 1
    index_zyx = np.argwhere(pieces == largest) + [part.start for part in box]
    return index_zyx[:, ::-1] @ ct.ct_from_index[:3, :3].T + ct.ct_from_index[:3, 3]


def _outermost(points, direction, centre):
    """Return the point that lies furthest along a direction; of several, the most central."""
    along = points @ direction
    furthest = points[along > along.max() - 1e-9]
    return furthest[np.argmin(((furthest - centre) ** 2).sum(-1))]


def _point(name, point):
    try:
        point = np.asarray(point, float)
    except (TypeError, ValueError):
        point = np.empty(0)
    if point.shape != (3,) or not np.isfinite(point).all():
        raise InputError(f'{name} is no point of three finite numbers')
    return point
