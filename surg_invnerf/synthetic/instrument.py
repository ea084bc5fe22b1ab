"""The instrument: a shaft, a wrist and two jaws, all capsules, that sweeps in front of tissue."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.ndimage import map_coordinates

from surgical_perception.geometry import se3

SHAFT, WRIST, JAW = 0, 1, 2
# Kind, radius (m); a 6 mm instrument.
_PARTS = ((SHAFT, 0.0030), (WRIST, 0.0021), (JAW, 0.0011), (JAW, 0.0011))
_WRIST_M, _JAW_M, _SHAFT_M = 0.009, 0.011, 0.16
# The port lies beside the scope's: this far sideways, and this far behind frame 0's lens.
_PORT_SIDE_M, _PORT_BEHIND_M = 0.115, 0.0
# Half widths of the tip's sweep, as shares of what the image spans, and in depth.
_SWEEP = np.array([0.30, 0.26])
_SWEEP_DEPTH_M = 0.003
# Between the middle of the tip's sweep and the tissue's mean plane.
_CLEARANCE_M = 0.020
# Scratches: a periodic lattice of this pitch.
_WEAR_PITCH_M, _WEAR_CELLS = 0.0011, 64
# Squared sine of the angle between a ray and an axis, below which side walls are not hit.
_PARALLEL = 1e-14


@dataclass(frozen=True)
class Capsules:
    """Parts of the instrument at one instant: axes from `starts` to `ends` [C, 3] (m)."""

    starts: np.ndarray
    ends: np.ndarray
    radii_m: np.ndarray
    kinds: np.ndarray

    def transformed(self, target_from_source):
        """Return the parts in another frame."""
        starts, ends = (se3.apply(target_from_source, p) for p in (self.starts, self.ends))
        return Capsules(starts, ends, self.radii_m, self.kinds)


@dataclass(frozen=True)
class InstrumentMap:
    """What an eye sees of it: depth_m [H, W], infinite elsewhere; part [H, W], -1 elsewhere."""

    depth_m: np.ndarray
    part: np.ndarray


class Instrument:
    """Smooth and bounded motion of tip and jaws; the shaft always points to the port."""

    def __init__(self, config, rng):
        angle = rng.uniform(0, 2 * np.pi)
        side = np.array([np.cos(angle), np.sin(angle)])
        camera = config.camera.left
        span = config.depth_m * np.array([camera.width / camera.fx, camera.height / camera.fy])
        self._port = np.array([*(_PORT_SIDE_M * side), -_PORT_BEHIND_M])
        # The tip reaches over the image's middle from its own side.
        self._middle = np.array([*(0.04 * span * side), config.depth_m - _CLEARANCE_M])
        self._sweep = np.array([*(_SWEEP * span), _SWEEP_DEPTH_M])
        self._periods_s = np.array([7.4, 9.7, 3.7]) * rng.uniform(0.9, 1.1, 3)
        self._phases = rng.uniform(0, 2 * np.pi, 3)
        self._jaw_s = rng.uniform(2.2, 3.0)
        self._wear = rng.standard_normal((_WEAR_CELLS, _WEAR_CELLS))

    def at(self, time_s):
        """Return the Capsules at a time, in the scene's frame."""
        sines = np.sin(2 * np.pi * time_s / self._periods_s + self._phases)
        tip = self._middle + self._sweep * sines
        axis = _unit(tip - self._port)
        across = _unit(np.cross(axis, [0.3, 0.2, 1.0]))
        opening = 0.28 + 0.22 * np.sin(2 * np.pi * time_s / self._jaw_s)
        joint = tip - _JAW_M * axis
        elbow = joint - _WRIST_M * axis
        jaws = [
            joint + _JAW_M * (np.cos(opening) * axis + sign * np.sin(opening) * across)
            for sign in (-1, 1)
        ]
        starts = np.stack([elbow - _SHAFT_M * axis, elbow, joint, joint])
        kinds, radii_m = (np.array(column) for column in zip(*_PARTS, strict=True))
        return Capsules(starts, np.stack([elbow, joint, *jaws]), radii_m, kinds)

    def wear(self, along_m, around_m, part):
        """Return scratches [N], of standard deviation 1, at surface coordinates of parts [N]."""
        at = [along_m / _WEAR_PITCH_M, around_m / _WEAR_PITCH_M + 17 * part]
        return map_coordinates(self._wear, at, order=1, mode='grid-wrap')


def render_instrument(capsules, camera):
    """Return the InstrumentMap of Capsules in a PinholeCamera's frame."""
    depth_m = np.full((camera.height, camera.width), np.inf)
    part = np.full(depth_m.shape, -1, np.int8)
    intrinsics = (camera.fx, camera.fy, camera.cx, camera.cy)
    _render(capsules.starts, capsules.ends, capsules.radii_m, *intrinsics, depth_m, part)
    return InstrumentMap(depth_m, part)


def in_front_of(capsules, points):
    """Return [N] bool: the instrument lies between the camera's centre and points [N, 3] (m)."""
    out = np.zeros(len(points), np.bool_)
    _hides(capsules.starts, capsules.ends, capsules.radii_m, np.ascontiguousarray(points), out)
    return out


def instrument_normals(capsules, points, part):
    """Return (normals [N, 3], coordinate along the axis [N] (m), angle about it [N] (rad))."""
    start = capsules.starts[part]
    axis = capsules.ends[part] - start
    length = np.linalg.norm(axis, axis=-1)
    axis = axis / length[:, None]
    along = np.einsum('ni,ni->n', points - start, axis)
    nearest = start + np.clip(along, 0, length)[:, None] * axis
    normals = (points - nearest) / capsules.radii_m[part][:, None]
    first = np.cross(axis, [0.0, 1.0, 0.0])
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    second = np.cross(axis, first)
    angle = np.arctan2(
        np.einsum('ni,ni->n', normals, second), np.einsum('ni,ni->n', normals, first)
    )
    return normals, along - length, angle


def _unit(vector):
    return vector / np.linalg.norm(vector)


@njit(cache=True, error_model='numpy', nogil=True)
def _distance(ray, start, end, radius):
    """
    Return the first factor t > 0 with t * ray on a capsule, infinity where there is none.

    `ray` starts at the origin and need not be a unit vector.
    """
    aa, ar, as_, rr, rs, ss = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(3):
        axis = end[i] - start[i]
        aa += axis * axis
        ar += axis * ray[i]
        as_ -= axis * start[i]
        rr += ray[i] * ray[i]
        rs -= ray[i] * start[i]
        ss += start[i] * start[i]
    a = aa * rr - ar * ar
    b = aa * rs - as_ * ar
    c = aa * ss - as_ * as_ - radius * radius * aa
    h = b * b - a * c
    if h < 0:
        return np.inf
    if a > _PARALLEL * aa * rr:
        t = (-b - np.sqrt(h)) / a
        along = as_ + t * ar
    else:  # the ray meets a cap first
        along = -1.0 if ar > 0 else aa + 1
    if not 0 < along < aa:
        b, c = 0.0, -radius * radius
        for i in range(3):
            from_cap = -start[i] if along <= 0 else -end[i]
            b += ray[i] * from_cap
            c += from_cap * from_cap
        h = b * b - rr * c
        if h < 0:
            return np.inf
        t = (-b - np.sqrt(h)) / rr
    return t if t > 0 else np.inf


@njit(cache=True, error_model='numpy', nogil=True)
def _render(starts, ends, radii, fx, fy, cx, cy, depth, part):
    ray = np.ones(3)
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            ray[0], ray[1] = (column - cx) / fx, (row - cy) / fy
            for k in range(len(radii)):
                t = _distance(ray, starts[k], ends[k], radii[k])
                if t < depth[row, column]:
                    depth[row, column] = t
                    part[row, column] = k


@njit(cache=True, error_model='numpy', nogil=True)
def _hides(starts, ends, radii, points, out):
    for i in range(len(points)):
        for k in range(len(radii)):
            if _distance(points[i], starts[k], ends[k], radii[k]) < 1:
                out[i] = True
