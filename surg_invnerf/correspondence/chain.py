"""
Long flows out of short ones: per pixel the way with the lowest accumulated error.

A flow over 2 g frames is measured directly, and composed of the selected flows over g frames;
each of those was selected alike.  So every way through the gaps competes, at the price of one
composition a pair.
"""

from typing import NamedTuple

import numpy as np

from surg_invnerf.correspondence.dense import composed, pixel_grid, sampled


class Link(NamedTuple):
    """
    A directed flow between two frames.

    flow        [H, W, 2] float32 (pixels)
    error_px    [H, W] float32: forward-backward error, summed along a chain; infinite where the
                flow is not believed
    """

    flow: np.ndarray
    error_px: np.ndarray


def followed_by(first, second):
    """Return the Link that follows `first` and then `second`; errors add."""
    there = pixel_grid(*first.error_px.shape) + first.flow
    error = first.error_px + sampled(second.error_px, there)
    error[np.isnan(error)] = np.inf
    return Link(composed(first.flow, second.flow), error)


def better_of(direct, chained):
    """Return the Link that takes each pixel from the one with the lower error."""
    take = chained.error_px < direct.error_px
    flow = np.where(take[..., None], chained.flow, direct.flow)
    return Link(flow, np.minimum(direct.error_px, chained.error_px))


class Chains:
    """
    The selected links among recent frames, no more of them than longer ones need.

    longest     distance of the farthest frames that are linked
    """

    def __init__(self, longest):
        self._longest = longest
        self._links = {}

    def __len__(self):
        """Return the number of links that are held."""
        return len(self._links)

    def add(self, source, target, link):
        """Keep a link between two frame indices."""
        self._links[source, target] = link

    def through(self, source, target):
        """Return the Link composed over the most central frame between two; None without."""
        middles = [k for a, k in self._links if a == source and (k, target) in self._links]
        if not middles:
            return None
        middle = min(middles, key=lambda k: abs(2 * k - source - target))
        return followed_by(self._links[source, middle], self._links[middle, target])

    def forget(self, newest):
        """Drop the links that no frame after `newest` can use: those as old as they are long."""
        self._links = {
            (a, b): link
            for (a, b), link in self._links.items()
            if newest - max(a, b) < abs(a - b) <= self._longest / 2
        }
