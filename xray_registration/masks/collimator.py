"""The collimator of an X-ray: a circle, straight leaves, both, or none."""

import dataclasses
from dataclasses import dataclass

import cv2
import numpy as np

from xray_registration.masks.circle import Circle, find_circle
from xray_registration.masks.edges import find_edges
from xray_registration.masks.leaves import Leaf, find_leaves, leaf_candidates

_SMOOTHING_PX = 1.0
# A collimator that leaves less than this is none: nobody takes such an image.
_MIN_OPEN = 0.08


@dataclass(frozen=True)
class Collimator:
    """
    Open is what lies inside the circle (None: there is none) and on this side of all leaves.

    rim_px  width of the blurred edge, inwards from where the edge is
    """

    circle: Circle | None = None
    leaves: tuple[Leaf, ...] = ()
    rim_px: float = 0.0

    def is_open(self, shape, margin_px=0.0):
        """Return the open pixels [H, W] bool, those within the margin of the edge left out."""
        found = np.ones(shape, bool)
        for part in self.parts:
            found &= part.contains(shape, margin_px)
        return found

    @property
    def parts(self):
        """The circle and the leaves."""
        return ((self.circle,) if self.circle else ()) + self.leaves

    def scaled(self, factor):
        """Return it in an image whose pixels are smaller by a factor."""
        circle = self.circle and self.circle.scaled(factor)
        leaves = tuple(leaf.scaled(factor) for leaf in self.leaves)
        return Collimator(circle, leaves, self.rim_px * factor)

    def __bool__(self):
        return self.circle is not None or bool(self.leaves)

    def __str__(self):
        parts = ['circle'] if self.circle else []
        if self.leaves:
            parts.append(f'{len(self.leaves)} ' + ('leaf' if len(self.leaves) == 1 else 'leaves'))
        return ' and '.join(parts) or 'none'


def find_collimator(image):
    """Return the Collimator of line integrals [H, W] float32 whose longer side is about 256."""
    smooth = cv2.GaussianBlur(image, (0, 0), _SMOOTHING_PX, borderType=cv2.BORDER_REPLICATE)
    edges = find_edges(smooth)
    everything = np.ones(image.shape, bool)
    candidates = leaf_candidates(smooth, edges)
    found = Collimator(leaves=find_leaves(candidates, everything))
    circle = find_circle(smooth, edges)
    if circle:
        inside = find_leaves(candidates, circle.contains(image.shape))
        # A circle fits the middles of a square's sides too, but four leaves fit it better.
        found = max(Collimator(circle, inside), found, key=lambda c: _seen_share(smooth, c))
    if found.is_open(image.shape).mean() < _MIN_OPEN:
        return Collimator()
    rims = [part.boundary(smooth).rim_px for part in found.parts]
    return dataclasses.replace(found, rim_px=max(rims, default=0.0))


def _seen_share(image, collimator):
    """Return the share of the boundary of what is open along which the image has its edge."""
    seen = length = 0.0
    for part in collimator.parts:
        others = np.ones(image.shape, bool)
        for other in collimator.parts:
            if other is not part:
                others &= other.contains(image.shape)
        support = part.boundary(image).support(others)
        seen += support.share * support.length
        length += support.length
    return seen / max(length, 1.0)
