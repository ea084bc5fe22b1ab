"""What a source of correspondences is: dense flow from one frame to another."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from surgical_perception.errors import InputError


class DenseMatch(NamedTuple):
    """
    Where each pixel of the source lies in the target.

    flow        [H, W, 2] float32, (du, dv) in pixels; NaN where nothing is known
    error_px    [H, W] float32, what the provider knows of its error, infinite where it refuses;
                None where it has no opinion: then the forward-backward error is taken
    """

    flow: np.ndarray
    error_px: np.ndarray | None = None


class Provider(ABC):
    """
    A source of dense correspondences.

    gaps            distances between frames that it can match; None for any
    max_error_px    error, or forward-backward error, beyond which its flows are not believed
    uses_initial    whether `match` makes use of an initial flow
    """

    gaps: tuple[int, ...] | None = None
    max_error_px: float = 1.0
    uses_initial: bool = False

    @abstractmethod
    def match(self, source, target, initial=None):
        """
        Return the DenseMatch from one FrameObservation to another.

        initial [H, W, 2] is a first guess (NaN where there is none), or None.
        """


def require_same_size(source, target):
    """Return the (height, width) that two FrameObservations share, or raise InputError."""
    height, width = source.image.shape[:2]
    if target.image.shape[:2] != (height, width):
        raise InputError(
            f'frames {source.index} and {target.index} are {width}x{height} and '
            f'{target.image.shape[1]}x{target.image.shape[0]} pixels: give frames of one size'
        )
    return height, width
