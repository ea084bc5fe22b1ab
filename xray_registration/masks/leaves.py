"""The straight leaves of a collimator, at any angle: half-planes that the beam does not reach."""

from typing import NamedTuple

import cv2
import numpy as np

from xray_registration.masks.boundary import Boundary

_ANGLE_BINS = 90  # of 4 degrees, each as wide as its neighbours' distance times two
_OFFSET_PX = 4.0
_CANDIDATES = 16  # four leaves among the edges of bars and plates
_FITS = 3
# Leaves close from outside: this share of the longer side stays open around the centre.
_MIN_OFFSET = 0.1
_MIN_SHARE = 0.6
_MIN_LENGTH = 0.25  # visible, of the longer side

# Structure is what is finer than an organ, seen in pairs of pixels so far apart that smoothed
# noise differs; metal counts no more than bone.
_ORGAN_PX, _APART_PX, _MAX_CONTRAST = 8.0, 4, 0.3
# A leaf leaves at least this share of the structure that it hides, per pixel; the edge itself,
# this near, belongs to neither side.  Of fewer pixels nothing is said.
_LEFT_SHARE, _BESIDE_PX, _MIN_BEYOND = 0.2, 10.0, 400


class Leaf(NamedTuple):
    """What lies beyond `offset` pixels from the origin (first pixel) along the unit `normal`."""

    normal: tuple[float, float]
    offset: float

    def contains(self, shape, margin_px=0.0):
        """Return the pixels [H, W] bool that lie on the open side by more than a margin."""
        v, u = np.ogrid[: shape[0], : shape[1]]
        return u * self.normal[0] + v * self.normal[1] < self.offset - margin_px

    def scaled(self, factor):
        """Return it in an image that is binned by `factor` less (pixel centres are integers)."""
        # u' = factor (u + 1/2) - 1/2
        shift = 0.5 * (factor - 1) * sum(self.normal)
        return Leaf(self.normal, self.offset * factor + shift)

    def boundary(self, image):
        """Return its Boundary in smoothed line integrals [H, W]."""
        normal = np.array(self.normal)
        along = np.array([-normal[1], normal[0]])
        middle = (np.array(image.shape[::-1]) - 1) / 2
        foot = middle + (self.offset - middle @ normal) * normal
        reach = np.arange(-np.hypot(*image.shape) / 2, np.hypot(*image.shape) / 2)
        points = foot + reach[:, None] * along
        return Boundary(image, points, np.broadcast_to(normal, points.shape))


class Candidates(NamedTuple):
    """Leaves with their Boundaries, and how structured the image is, pixel by pixel [H, W]."""

    boundaries: dict
    structure: np.ndarray


def leaf_candidates(image, edges):
    """Return the Candidates that the Edges of smoothed line integrals [H, W] suggest."""
    fitted = (_refined(leaf, *edges) for leaf in _voted(image.shape, *edges))
    return Candidates({leaf: leaf.boundary(image) for leaf in fitted if leaf}, _structure(image))


def find_leaves(candidates, is_open):
    """Return those Leaves of the Candidates that close what is open [H, W] bool."""
    candidates, structure = dict(candidates.boundaries), candidates.structure
    found = []
    while candidates:
        # The longest first: it hides what is beyond it from the others.
        supports = {leaf: boundary.support(is_open) for leaf, boundary in candidates.items()}
        ranked = sorted(candidates, key=lambda leaf: -supports[leaf].share * supports[leaf].length)
        leaf = next(
            (
                leaf
                for leaf in ranked
                if _closes(supports[leaf], candidates[leaf], is_open.shape)
                and _leaves_the_body(leaf, structure, is_open)
            ),
            None,
        )
        if leaf is None:
            break
        found.append(leaf)
        del candidates[leaf]
        is_open = is_open & leaf.contains(is_open.shape)
    return tuple(found)


def _closes(support, boundary, shape):
    long_enough = support.length >= _MIN_LENGTH * max(shape)
    return support.share >= _MIN_SHARE and long_enough and boundary.is_blade


def _structure(image):
    """
    Return how structured smoothed line integrals [H, W] are, per pixel; 0 on average in noise.

    It is the product of high-passed pixels some distance apart, in which noise is independent.
    """
    fine = image - cv2.GaussianBlur(image, (0, 0), _ORGAN_PX, borderType=cv2.BORDER_REPLICATE)
    fine = np.clip(fine, -_MAX_CONTRAST, _MAX_CONTRAST)
    found = np.zeros_like(fine)
    found[_APART_PX:] = fine[_APART_PX:] * fine[:-_APART_PX]
    found[:, _APART_PX:] += fine[:, _APART_PX:] * fine[:, :-_APART_PX]
    return found


def _leaves_the_body(leaf, structure, is_open):
    """Tell a leaf from the straight side of a body beside open air, which has no structure."""
    shape = is_open.shape
    inside = structure[is_open & leaf.contains(shape, _BESIDE_PX)]
    beyond = structure[is_open & ~leaf.contains(shape, -_BESIDE_PX)]
    if beyond.size < _MIN_BEYOND:
        return inside.size > 0
    return inside.size > 0 and inside.mean() >= _LEFT_SHARE * beyond.mean()


def _voted(shape, points, normals):
    """Return Leaves that many edge pixels agree on, the most popular first."""
    middle = (np.array(shape[::-1]) - 1) / 2
    offset = ((points - middle) * normals).sum(1)
    angle = np.arctan2(normals[:, 1], normals[:, 0]) / (2 * np.pi) * _ANGLE_BINS
    far = offset >= _MIN_OFFSET * max(shape)
    angle_bin = np.floor(angle[far]).astype(int) % _ANGLE_BINS
    offset_bin = np.floor(offset[far] / _OFFSET_PX).astype(int)
    count = int(np.hypot(*shape) / _OFFSET_PX) + 2
    votes = np.zeros((_ANGLE_BINS, count))
    np.add.at(votes, (angle_bin, offset_bin), 1)
    # A line falls into neighbouring bins: every bin hears its neighbours.
    votes += np.roll(votes, 1, 0) + np.roll(votes, -1, 0)
    votes[:, 1:] += votes[:, :-1]
    leaves = []
    for _ in range(_CANDIDATES):
        a, o = np.unravel_index(votes.argmax(), votes.shape)
        if votes[a, o] < 10:
            break
        theta = (a + 0.5) * 2 * np.pi / _ANGLE_BINS
        normal = np.array([np.cos(theta), np.sin(theta)])
        leaves.append(Leaf(tuple(normal), float(o * _OFFSET_PX + middle @ normal)))
        near = np.arange(a - 2, a + 3) % _ANGLE_BINS
        votes[near[:, None], np.arange(max(o - 2, 0), min(o + 3, count))] = 0
    return leaves


def _refined(leaf, points, normals):
    """Fit a Leaf to the edge pixels beside it (total least squares); None where there are few."""
    for attempt in range(_FITS, 0, -1):
        normal = np.array(leaf.normal)
        near = np.abs(points @ normal - leaf.offset) < 2.0 * attempt
        near &= normals @ normal > 0.9
        if near.sum() < 10:
            return None
        centre = points[near].mean(0)
        _, vectors = np.linalg.eigh(np.cov((points[near] - centre).T))
        fitted = vectors[:, 0] * np.sign(vectors[:, 0] @ normal)
        leaf = Leaf(tuple(fitted), float(centre @ fitted))
    return leaf
