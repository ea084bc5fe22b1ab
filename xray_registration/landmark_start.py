"""A start from landmarks that a person has marked in the X-rays."""

import json
from pathlib import Path

import numpy as np

from surgical_perception.errors import InputError
from xray_registration.landmarks import load_landmarks
from xray_registration.methods.landmarks import pose_from_landmarks


def landmark_start(path, views):
    """
    Return reference_from_ct [4, 4] (m) at which Views show what was marked in them.

    path    JSON of `load_landmarks` that has "pixels" as well: for each view {name: [u, v]} of
            the landmarks that it shows, (0, 0) being the centre of the first pixel of the X-ray as
            it is seen from the source

    Raises InputError, naming the file, for what is no such file and for points that tell no pose.
    """
    points_m = load_landmarks(path)
    content = json.loads(Path(path).read_text(encoding='utf-8'))
    marked = content.get('pixels')
    if not isinstance(marked, list) or not all(isinstance(seen, dict) for seen in marked):
        raise InputError(
            f'{path}: expected "pixels": a list with {{name: [u, v], ...}} for each X-ray'
        )
    if len(marked) != len(views):
        raise InputError(
            f'{path}: has pixels of {len(marked)} X-rays but there are {len(views)}: give '
            '{} for one in which nothing is marked'
        )
    pixels = [
        {name: _pixel(f'{path}: {name}', value, view.camera) for name, value in seen.items()}
        for seen, view in zip(marked, views, strict=True)
    ]
    try:
        return pose_from_landmarks(views, pixels, points_m).reference_from_ct
    except InputError as error:
        raise InputError(f'{path}: {error}') from None


def _pixel(name, value, camera):
    """Return (u, v) of a marked pixel, which has to lie in the image."""
    try:
        pixel = np.asarray(value, float)
    except (TypeError, ValueError):
        pixel = np.empty(0)
    size = np.array([camera.width, camera.height])
    if pixel.shape != (2,) or not ((pixel >= -0.5) & (pixel <= size - 0.5)).all():
        raise InputError(f'{name}: {value} is no pixel [u, v] of an image of {size[0]}x{size[1]}')
    return tuple(pixel)
