"""Tracks drawn on the images they were found in, as a strip of pictures and as a video."""

from collections.abc import Iterable

import cv2
import numpy as np

from surgical_perception.errors import InputError

# Frames that a tail is long.
TAIL = 8
# Smaller pictures hide what one looks for.
_MIN_WIDTH_PX = 640
_HIDDEN_RGB = (150, 150, 150)
_GAP_PX = 4
_SHIFT = 4  # OpenCV draws at 1/16 of a pixel
_FOURCC = 'mp4v'


def point_colours(uv):
    """Return colours [N, 3] uint8 RGB of points at [N, 2]: the hue turns around their centre."""
    offset = np.asarray(uv, float) - np.median(uv, axis=0)
    hue = (np.arctan2(offset[:, 1], offset[:, 0]) / (2 * np.pi) % 1) * 179
    far = np.linalg.norm(offset, axis=1)
    value = 255 - 60 * far / max(far.max(), 1e-9)
    hsv = np.stack([hue, np.full_like(hue, 220), value], -1).astype(np.uint8)
    return cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0]


def enlargement(width):
    """Return the whole number by which an image is enlarged to be drawn on."""
    return -(-_MIN_WIDTH_PX // width)


def draw_tracks(image, uv, visible, colours, tail=TAIL):
    """
    Draw points with their tails on an image; hidden ones are hollow and grey.

    image       [H, W, 3] uint8 RGB
    uv          [N, T, 2] pixels up to this frame, which is the last one
    visible     [N, T] bool
    colours     [N, 3] uint8

    Returns [k H, k W, 3] uint8, k being the `enlargement`.
    """
    scale = enlargement(image.shape[1])
    picture = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    points = _fixed(uv[:, -1 - tail :], scale)
    seen = visible[:, -1 - tail :]
    for row, colour in enumerate(colours.tolist()):
        for before, after in zip(points[row, :-1], points[row, 1:], strict=True):
            shade = colour if seen[row, -1] else _HIDDEN_RGB
            cv2.line(picture, before, after, shade, 1, cv2.LINE_AA, _SHIFT)
    for row, colour in enumerate(colours.tolist()):
        here = points[row, -1]
        if seen[row, -1]:
            cv2.circle(picture, here, 3 << _SHIFT, colour, -1, cv2.LINE_AA, _SHIFT)
        else:
            cv2.circle(picture, here, 3 << _SHIFT, _HIDDEN_RGB, 1, cv2.LINE_AA, _SHIFT)
    return picture


def strip(pictures, columns=3):
    """Return pictures [h, w, 3] of one size in rows, with white between them."""
    rows = []
    for start in range(0, len(pictures), columns):
        row = [_framed(picture) for picture in pictures[start : start + columns]]
        row += [np.full_like(row[0], 255)] * (columns - len(row) if rows else 0)
        rows.append(np.concatenate(row, 1))
    return np.concatenate(rows)[:-_GAP_PX, :-_GAP_PX]


def save_png(path, picture):
    """Write RGB [H, W, 3] uint8 to a file; raises InputError where it cannot be written."""
    if not cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)):
        raise InputError(f'{path}: the picture cannot be written: is the disk full?')


def save_video(path, pictures: Iterable, fps):
    """Write RGB pictures of one size as an MP4; return whether OpenCV has an encoder for it."""
    writer = None
    for picture in pictures:
        if writer is None:
            height, width = picture.shape[:2]
            code = cv2.VideoWriter_fourcc(*_FOURCC)
            writer = cv2.VideoWriter(str(path), code, fps, (width, height))
            if not writer.isOpened():
                return False
        writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if writer is not None:
        writer.release()
    return writer is not None


def _framed(picture):
    return cv2.copyMakeBorder(
        picture, 0, _GAP_PX, 0, _GAP_PX, cv2.BORDER_CONSTANT, value=(255, 255, 255)
    )


def _fixed(uv, scale):
    """Return pixels of the enlarged picture as OpenCV's fixed-point integers, near it at least."""
    enlarged = (np.asarray(uv, float) + 0.5) * scale - 0.5
    return np.rint(np.clip(enlarged, -1e4, 1e4) * (1 << _SHIFT)).astype(int)
