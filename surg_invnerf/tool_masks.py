"""Masks of instruments that come beside the images, usually later than those."""

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.images import image_from_message
from surgical_perception.ros.stamps import NS_PER_S
from surgical_perception.ros.validation import validate_header

# Enough to find the one of an image although a network's masks come some frames late.
_KEPT = 8


class ToolMasks:
    """
    Keeps the newest masks and gives each image the one that is closest in time.

    A mask serves images whose stamps differ from its own by at most `max_age_s`.
    """

    def __init__(self, max_age_s):
        self._max_age_ns = int(max_age_s * NS_PER_S)
        self._masks = []  # (stamp_ns, mask), in the order of arrival

    def add(self, message):
        """Take a sensor_msgs/Image, not 0 on instruments; raises InputError for a bad one."""
        stamp_ns = validate_header(message.header, 'tool_mask')
        pixels = image_from_message(message)
        if pixels.ndim != 2:
            raise InputError(f'tool_mask is {message.encoding}: publish mono8, not 0 on tools')
        self._masks = [*self._masks[1 - _KEPT :], (stamp_ns, pixels != 0)]

    def at(self, stamp_ns, shape):
        """
        Return (mask [H, W] bool or None, problem) for an image [H, W] of a stamp.

        Without any mask so far there is no problem: nobody says where tools are.
        """
        if not self._masks:
            return None, ''
        mask_ns, mask = min(self._masks, key=lambda item: abs(item[0] - stamp_ns))
        if abs(mask_ns - stamp_ns) > self._max_age_ns:
            return None, f'tool_mask stopped: its last is older than {self._max_age_s:g} s'
        if mask.shape != tuple(shape):
            return None, (
                f'tool_mask is {mask.shape[1]}x{mask.shape[0]}, the left image '
                f'{shape[1]}x{shape[0]}: publish it in the size of left/image_rect'
            )
        return np.array(mask), ''

    @property
    def _max_age_s(self):
        return self._max_age_ns / NS_PER_S

    def clear(self):
        """Forget every mask, as after a clock jump."""
        self._masks = []
