"""SCARED's depth: images of 3D points of the raw left eye, brought into its rectified image."""

import cv2
import numpy as np

from surg_invnerf.clips.archive import numbered_members
from surgical_perception.errors import InputError

_MM_PER_M = 1e3


class RectifiedDepth:
    """
    Turns points [H, W, 3] (mm, raw left camera, one per raw pixel) into rectified depth.

    Each rectified pixel takes the point of the nearest raw pixel: interpolation would invent
    depths between a fold and what lies behind it.
    """

    def __init__(self, pair, rectifier):
        """Take the RawPair of the calibration and its Rectifier."""
        camera, rotation = rectifier.camera.left, np.asarray(rectifier.rotations[0], float)
        self._size = (camera.width, camera.height)
        self._maps = cv2.initUndistortRectifyMap(
            pair.left.matrix,
            pair.left.distortion,
            rotation,
            camera.matrix,
            self._size,
            cv2.CV_32FC1,
        )
        self._forward = rotation[2] / _MM_PER_M

    def __call__(self, points_mm, what):
        """Return depth_m [H, W] float32; NaN where a point is unknown (NaN or the origin)."""
        height = self._size[1]
        # The archive holds the points of both eyes, left above right.
        if points_mm.shape[:2] not in {(height, self._size[0]), (2 * height, self._size[0])}:
            raise InputError(
                f'{what}: is {points_mm.shape[1]}x{points_mm.shape[0]}, the images are '
                f'{self._size[0]}x{height}'
            )
        points_mm = points_mm[:height]
        depth_m = (points_mm @ self._forward).astype(np.float32)
        depth_m[~np.isfinite(depth_m) | ~(points_mm[..., 2] > 0)] = 0
        rectified = cv2.remap(depth_m, *self._maps, cv2.INTER_NEAREST)
        return np.where(rectified > 0, rectified, np.float32(np.nan))


def stream_points(path):
    """Yield (frame, name, points_mm [H, W, 3]) of scene_points.tar.gz, one after the other."""
    for frame, name, data in numbered_members(path, ('tiff', 'tif')):
        yield frame, f'{path}: {name}', decode_points(data, f'{path}: {name}')


def read_points(path):
    """Return points_mm [H, W, 3] of a TIFF such as left_depth_map.tiff."""
    try:
        return decode_points(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(f'{path}: cannot be read: {error.strerror}') from None


def decode_points(data, what):
    """Return the X, Y, Z [H, W, 3] float32 of a TIFF's bytes; `what` names it in the error."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype.kind != 'f':
        raise InputError(f'{what}: expected a TIFF of X, Y, Z as floating-point numbers')
    return pixels[..., ::-1].astype(np.float32)  # OpenCV calls the channels B, G, R
