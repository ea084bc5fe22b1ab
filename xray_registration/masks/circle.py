"""The round edge of an image intensifier or an iris collimator."""

import functools
from typing import NamedTuple

import numpy as np

from xray_registration.masks.boundary import Boundary

# As shares of the longer image side: centres that are tried, their distance, and radii.
_MAX_OFFSET, _OFFSET_STEP = 0.12, 0.03
_MIN_RADIUS, _MAX_RADIUS = 0.25, 0.7
_BINS = 64  # around the circle
_RING_PX = 3.0  # width of a ring in the vote
_ALIGNED = 0.9  # cosine between gradient and radius
_FITS = 4  # of refinement, with fewer pixels beside the circle each time
_MIN_SHARE = 0.6
_MIN_VOTE = 0.3  # of the visible angles, before refinement
_MIN_VISIBLE = 0.2  # of the circle; less is no circle's edge but any curve
_MAX_EDGES = 1000  # that vote


class Circle(NamedTuple):
    """A circle in pixels."""

    u: float
    v: float
    radius: float

    def contains(self, shape, margin_px=0.0):
        """Return the pixels [H, W] bool that lie inside by more than a margin."""
        v, u = np.ogrid[: shape[0], : shape[1]]
        return (u - self.u) ** 2 + (v - self.v) ** 2 < max(self.radius - margin_px, 0) ** 2

    def scaled(self, factor):
        """Return it in an image that is binned by `factor` less (pixel centres are integers)."""
        u, v = ((x + 0.5) * factor - 0.5 for x in (self.u, self.v))
        return Circle(u, v, self.radius * factor)

    def boundary(self, image):
        """Return its Boundary in smoothed line integrals [H, W]."""
        count = max(int(2 * np.pi * self.radius), 16)
        angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
        normals = np.stack([np.cos(angles), np.sin(angles)], -1)
        return Boundary(image, (self.u, self.v) + self.radius * normals, normals)


def find_circle(image, edges):
    """Return the Circle outside of which smoothed line integrals [H, W] are dark, or None."""
    points, normals = edges
    stride = -(-len(points) // _MAX_EDGES) or 1
    circle = _voted(image.shape, points[::stride], normals[::stride])
    if circle is None:
        return None
    for attempt in range(_FITS, 0, -1):
        beside = np.hypot(points[:, 0] - circle.u, points[:, 1] - circle.v) - circle.radius
        near = (np.abs(beside) < attempt * _RING_PX / 2 + 1) & _is_aligned(circle, points, normals)
        if near.sum() < 10:
            return None
        circle = _fitted(points[near])
    boundary = circle.boundary(image)
    share, _ = boundary.support(np.ones(image.shape, bool))
    return circle if share >= _MIN_SHARE and boundary.is_blade else None


def _voted(shape, points, normals):
    """Return the Circle that most edges around it agree on, as a share of its visible part."""
    centres, radii, visible = _candidates(shape)
    away = points[None] - centres[:, None]
    distance = np.linalg.norm(away, axis=-1)
    ring = np.floor((distance - radii[0]) / _RING_PX).astype(int)
    votes = (away * normals).sum(-1) > _ALIGNED * distance
    votes &= (ring >= 0) & (ring < len(radii))
    centre, edge = np.nonzero(votes)
    chosen = away[centre, edge]
    sector = np.floor(np.arctan2(chosen[:, 1], chosen[:, 0]) / (2 * np.pi) * _BINS).astype(int)
    hit = np.zeros((len(centres), len(radii), _BINS), bool)
    hit[centre, ring[centre, edge], sector % _BINS] = True
    # Between two centres of the grid the rim spreads over neighbouring rings.
    hit[:, :-1] |= hit[:, 1:]
    share = np.where(visible >= _MIN_VISIBLE * _BINS, hit.sum(-1) / np.maximum(visible, 1), 0)
    best = np.unravel_index(share.argmax(), share.shape)
    if share[best] < _MIN_VOTE:
        return None
    return Circle(*centres[best[0]], radii[best[1]] + _RING_PX)


@functools.lru_cache(maxsize=4)
def _candidates(shape):
    """Return centres [C, 2], radii [R], and how many of a circle's bins are visible [C, R]."""
    longer, size = max(shape), np.array(shape[::-1])
    offsets = np.arange(-_MAX_OFFSET, _MAX_OFFSET + 1e-9, _OFFSET_STEP) * longer
    centres = (size - 1) / 2 + np.stack(np.meshgrid(offsets, offsets), -1).reshape(-1, 2)
    radii = np.arange(_MIN_RADIUS * longer, _MAX_RADIUS * longer, _RING_PX)
    angles = (np.arange(_BINS) + 0.5) * 2 * np.pi / _BINS
    around = np.stack([np.cos(angles), np.sin(angles)], -1)
    rim = (radii[:, None] + _RING_PX / 2)[..., None] * around
    rim = centres[:, None, None] + rim
    visible = ((rim >= 0) & (rim <= size - 1)).all(-1).sum(-1)
    return centres, radii, visible


def _is_aligned(circle, points, normals):
    away = points - (circle.u, circle.v)
    return (away * normals).sum(1) > _ALIGNED * np.linalg.norm(away, axis=1)


def _fitted(points):
    """Return the Circle through points [N, 2] by linear least squares (Kasa 1976)."""
    rows = np.column_stack([2 * points, np.ones(len(points))])
    u, v, rest = np.linalg.lstsq(rows, (points**2).sum(1), rcond=None)[0]
    return Circle(float(u), float(v), float(np.sqrt(max(rest + u * u + v * v, 0))))
