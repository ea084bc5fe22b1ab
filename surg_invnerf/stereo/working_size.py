"""The size that frames are worked on: half of large ones, sides a multiple of 16."""

import cv2
import numpy as np

from surgical_perception.errors import InputError

# Flow and hexplane pyramids halve four times.
_SIDE_MULTIPLE = 16
# OpenCV's DIS ends the process on images that are smaller or longer: its coarsest level is empty.
_LEAST_SIDE, _LONGEST_SHAPE = 32, 4


class WorkingSize:
    """
    Brings images, masks and pixels of a StereoCamera to working size and back.

    camera   StereoCamera of the working images
    factor   full pixels per working pixel, 1 or 2
    """

    def __init__(self, camera, halve_above_width=640):
        """Choose the size for a StereoCamera; raises InputError where images are too small."""
        full = camera.left
        self.factor = 2 if full.width > halve_above_width else 1
        self._size = tuple(
            side // self.factor // _SIDE_MULTIPLE * _SIDE_MULTIPLE
            for side in (full.width, full.height)
        )
        if min(self._size) < _LEAST_SIDE or max(self._size) > _LONGEST_SHAPE * min(self._size):
            raise InputError(
                f'images of {full.width}x{full.height} cannot be matched: they need at least '
                f'{_LEAST_SIDE} pixels a side and a shape no longer than {_LONGEST_SHAPE}:1'
            )
        self.camera = camera.binned(self.factor).cropped(0, 0, *self._size)

    def image(self, image):
        """Return an image [H, W, C] uint8 at working size: means over blocks, then cropped."""
        return self._cropped(self._binned(image))

    def mask(self, mask):
        """Return a mask [H, W] bool at working size: true where any of its pixels is."""
        return self._cropped(self._binned(np.asarray(mask, np.float32)) > 0)

    def working_from_full(self, uv):
        """Return working pixels [..., 2] of full ones (integer centres in both)."""
        return (np.asarray(uv) + 0.5) / self.factor - 0.5

    def full_from_working(self, uv):
        """Return full pixels [..., 2] of working ones."""
        return (np.asarray(uv) + 0.5) * self.factor - 0.5

    def _binned(self, image):
        if self.factor == 1:
            return image
        height, width = image.shape[:2]
        even = image[: height // 2 * 2, : width // 2 * 2]
        return cv2.resize(even, (width // 2, height // 2), interpolation=cv2.INTER_AREA)

    def _cropped(self, image):
        width, height = self._size
        return np.ascontiguousarray(image[:height, :width])
