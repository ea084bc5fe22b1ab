"""
Soft tissue that has moved since the CT was taken: another posture, breath, and contrast.

Bones stay where they are, so the pose of the bones remains the truth.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import (
    binary_closing,
    binary_fill_holes,
    gaussian_filter,
    label,
    map_coordinates,
)

from surgical_perception.errors import InputError
from xray_registration.benchmark.bone_points import BONE_LABELS

# In a CT without labels, what is denser counts as bone; trabecular bone begins about here.
_RIGID_HU = 150
# A bone's marrow in a slice is no larger; the pelvic cavity, also a hole between bones, is.
_MARROW_MM2 = 1500.0
# What comes from behind a bone when tissue moves, and nobody has seen: muscle.
_MUSCLE_HU = 40.0

# The fields are drawn on nodes of this spacing, smoothed, and linear between them.
_NODE_MM, _SMOOTH_NODES = 20.0, 2.0


@dataclass(frozen=True)
class SoftTissueMotion:
    """How far soft tissue moves, and by how much its attenuation changes; both smooth fields."""

    max_shift_mm: float = 15.0
    max_change: float = 0.15  # of the attenuation, as a share of it


def moved(ct, motion, rng):
    """
    Return a CtImage whose soft tissue and lungs are displaced by a smooth random field.

    The field reaches `motion.max_shift_mm` somewhere, the change `motion.max_change`.  Bones stay:
    by labels where there are any, else whatever is above 150 HU, with its marrow.  Raises
    InputError for a CT without HU.
    """
    if not ct.is_hu:
        raise InputError(f'{ct.path}: is not in HU, which soft tissue is told by: give another CT')
    rigid = _rigid(ct)
    soft = np.where(rigid, np.float32(_MUSCLE_HU), ct.hu.astype(np.float32))
    spacing_mm = 1e3 * ct.spacing_m[::-1]  # along z, y, x, as the voxels
    to_z, to_y, to_x = map(_interpolation, soft.shape, spacing_mm)
    nodes = to_z.shape[1], to_y.shape[1], to_x.shape[1]
    shift = _smooth(rng.normal(size=(3, *nodes)))
    shift *= motion.max_shift_mm / np.linalg.norm(shift, axis=0).max()
    change = _smooth(rng.normal(size=(1, *nodes)))
    change *= motion.max_change / np.abs(change).max()
    fields = np.concatenate([shift / spacing_mm[:, None, None, None], change])  # in voxels
    out = np.empty_like(soft)
    y, x = np.mgrid[: soft.shape[1], : soft.shape[2]]
    for z in range(len(soft)):  # slice by slice: fields of all voxels would need gigabytes
        *by, more = to_y @ np.tensordot(fields, to_z[z], (1, 0)) @ to_x.T
        source = np.stack([z + by[0], y + by[1], x + by[2]])
        tissue = map_coordinates(soft, source, order=1, mode='nearest')
        out[z] = (tissue + 1000) * (1 + more) - 1000
    return dataclasses.replace(ct, hu=np.where(rigid, ct.hu, out))


def _rigid(ct):
    """Return where the CT stays as it is [Z, Y, X] bool: bones with their marrow."""
    if ct.labels is not None:
        return np.isin(ct.labels, BONE_LABELS)
    max_pixels = _MARROW_MM2 / (1e6 * float(np.prod(ct.spacing_m[:2])))
    return np.stack([_with_marrow(plane, max_pixels) for plane in ct.hu > _RIGID_HU])


def _with_marrow(plane, max_pixels):
    """Add to dense pixels [Y, X] bool what they enclose, unless it is larger than marrow."""
    closed = plane | binary_closing(plane)  # thin walls have gaps
    holes, _ = label(binary_fill_holes(closed) & ~closed)
    small = np.bincount(holes.ravel()) <= max_pixels
    small[0] = False  # what is no hole
    return closed | small[holes]


def _interpolation(count, spacing_mm):
    """Return the weights [count, nodes] that interpolate nodes linearly at `count` voxels."""
    at = np.arange(count) * spacing_mm / _NODE_MM
    nodes = np.arange(int(at[-1]) + 2)
    return np.maximum(1 - np.abs(at[:, None] - nodes), 0).astype(np.float32)


def _smooth(noise):
    """Smooth noise [N, ...] over the nodes; its scale is the caller's."""
    return np.stack([gaussian_filter(part, _SMOOTH_NODES, mode='nearest') for part in noise])
