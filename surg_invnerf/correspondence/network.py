"""
What every network that a user brings has in common: the images it is given, the flow it returns.

Two forms are known: (image1, image2) -> flow [1, 2, H, W], or several of which the last is the
finest, as RAFT returns them; and (points, image1, image2) -> end points [1, N, 2], as STIRMetrics
exports RAFT (`raft_pointtrackSTIR`); stereo networks have one channel instead of two.  Images are
float32 [1, 3, H, W], RGB.
"""

from abc import abstractmethod
from pathlib import Path

import cv2
import numpy as np

from surg_invnerf.correspondence.dense import pixel_grid
from surg_invnerf.correspondence.provider import DenseMatch, Provider, require_same_size
from surgical_perception.errors import InputError

# RAFT works on eighths of the image; others on fewer.
_MULTIPLE = 8

# By the channels of the output.
_PURPOSE = {1: 'stereo', 2: 'optical flow'}


class Network(Provider):
    """
    Flow by a network.

    channels            of its output: 2 for flow, 1 for the horizontal flow of a stereo network
    takes_points        whether it is of the second form
    size                (height, width) of the images that it was exported for: frames are resized
                        to it; None for any, then frames are padded to multiples of 8
    largest             value of white: RAFT divides by 255 itself, and so do its exports
    name                of the network, for messages
    """

    channels = 2

    def __init__(self, name, takes_points, size, largest):
        self._name = name
        self._takes_points = takes_points
        self._size = None if size is None else _checked_size(size)
        if not isinstance(largest, int | float) or not largest > 0:
            raise InputError(f'largest is {largest!r}, expected the value of white, such as 255')
        self._largest = largest

    @abstractmethod
    def _run(self, inputs):
        """Return the list of output arrays of a list of input arrays."""

    def match(self, source, target, initial=None):
        """Return the DenseMatch; raise InputError where the output is no flow of this size."""
        require_same_size(source, target)
        return DenseMatch(self.flow(source.image, target.image))

    def flow(self, first, second):
        """Return the flow [H, W, channels] float32 between two RGB images; raise as `match`."""
        height, width = first.shape[:2]
        images = [self._prepared(image) for image in (first, second)]
        size = images[0].shape[2:]
        inputs = [pixel_grid(*size).reshape(1, -1, 2), *images] if self._takes_points else images
        flow = self._finest(self._run(inputs), size)
        if self._size is None:
            return np.ascontiguousarray(flow[:height, :width])
        scale = np.array([width / size[1], height / size[0]], np.float32)[: self.channels]
        return cv2.resize(flow, (width, height)).reshape(height, width, -1) * scale

    def _prepared(self, image):
        height, width = image.shape[:2]
        if self._size is not None:
            image = cv2.resize(image, self._size[::-1], interpolation=cv2.INTER_AREA)
        else:
            below, beside = -height % _MULTIPLE, -width % _MULTIPLE
            image = np.pad(image, ((0, below), (0, beside), (0, 0)), 'edge')
        pixels = image.transpose(2, 0, 1)[None].astype(np.float32)
        return np.ascontiguousarray(pixels * np.float32(self._largest / 255))

    def _finest(self, outputs, size):
        """Return the flow [H, W, channels] among the outputs of the network."""
        output = np.asarray(outputs[-1], np.float32)
        channels = self.channels
        shape = (1, size[0] * size[1], channels) if self._takes_points else (1, channels, *size)
        if output.shape != shape:
            raise InputError(
                f'network {self._name} returns {output.shape}, expected {shape}: is it a network '
                f'for {_PURPOSE[channels]}, exported for images of this size?'
            )
        if not self._takes_points:
            return output[0].transpose(1, 2, 0)
        flow = output.reshape(*size, channels)
        # Points come back moved; at points, disparity comes back as it is.
        return flow - pixel_grid(*size) if channels == 2 else flow


def _checked_size(size):
    is_pair = isinstance(size, list | tuple) and len(size) == 2
    if not is_pair or not all(isinstance(n, int) and n > 0 for n in size):
        raise InputError(f'size is {size!r}, expected (height, width) in pixels')
    return tuple(size)


def weights_file(path):
    """Return the path of a file of weights; raise InputError where there is none."""
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(f'weights {path} do not exist: give the path of an exported network')
    return path


def points_among(count, name):
    """Return whether a network of so many inputs takes points before its two images."""
    if count not in (2, 3):
        raise InputError(
            f'network {name} takes {count} inputs, expected (image1, image2) or '
            '(points, image1, image2): export it in one of these forms'
        )
    return count == 3
