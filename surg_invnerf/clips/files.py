"""Reading images and JSON with a sentence for every way in which they can be bad."""

import json

import cv2
import numpy as np

from surgical_perception.errors import InputError


def read_image(path, size=None):
    """
    Return an image file as [H, W, 3] uint8, RGB.

    `size` (width, height) is what it must have.  Raises InputError, naming the file.
    """
    return np.ascontiguousarray(_decoded(path, cv2.IMREAD_COLOR, size)[..., ::-1])


def read_mask(path, size=None):
    """Return a mask file as [H, W] bool, true where it is not 0."""
    return _decoded(path, cv2.IMREAD_GRAYSCALE, size) != 0


def read_json(path):
    """Return the content of a JSON file."""
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f'{path}: cannot be read as JSON: {error}') from None


def check_size(pixels, size, what):
    """Raise InputError unless pixels [H, W, ...] have the size (width, height)."""
    height, width = pixels.shape[:2]
    if (width, height) != tuple(size):
        raise InputError(
            f'{what} is {width}x{height}, the calibration is for {size[0]}x{size[1]}: '
            'calibrate at the size that is used'
        )


def _decoded(path, flags, size):
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f'{path}: cannot be read: {error.strerror}') from None
    pixels = cv2.imdecode(data, flags) if data.size else None
    if pixels is None:
        raise InputError(f'{path}: is no image, or is damaged')
    if size is not None:
        check_size(pixels, size, str(path))
    return pixels
