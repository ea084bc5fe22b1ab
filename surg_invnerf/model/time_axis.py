"""Which frames the model knows, and where each lies among its time columns."""

import numpy as np
import torch


class TimeAxis:
    """
    Frames, in order, on slots 0, 1, ...; levels of stride s have a time column every s slots.

    Frames need not be consecutive: a stream keeps old keyframes before its window.
    """

    def __init__(self, frames, capacity=0):
        self.frames = sorted(frames)
        # A stream reserves its columns at the start, so that no tensor changes its size later.
        self.capacity = max(capacity, len(self.frames), 2)
        self._held = torch.tensor(self.frames, dtype=torch.long)

    def columns(self, stride):
        """Return the number of time columns of a level."""
        return max(-(-(self.capacity - 1) // stride) + 1, 2)

    def slots(self, frames):
        """Return the slots [N] (float) of frames [N] (long tensor) that the axis holds."""
        return torch.searchsorted(self._held.to(frames.device), frames).float()

    def neighbours(self, frames):
        """Return the frames before and after frames [N] on the axis, and where both exist [N]."""
        held = self._held.to(frames.device)
        places = torch.searchsorted(held, frames)
        inside = (places > 0) & (places < len(held) - 1)
        return held[(places - 1).clamp(min=0)], held[(places + 1).clamp(max=len(held) - 1)], inside

    def old_slots(self, older, columns, stride):
        """
        Return where each of this axis's columns of a level lies on an `older` axis, in its slots.

        A frame that both hold keeps its place; a new one takes that of the nearest older frame
        that is held, as tissue moves little from one frame to the next.
        """
        known = np.array(older.frames)
        places = []
        for frame in self.frames:
            nearest = int(np.abs(known - frame).argmin())
            places.append(float(nearest))
        places += places[-1:] * (columns * stride - len(places))
        return np.array(places)[::stride][:columns]
