"""The geometry that a ray-marching backend needs, from camera, pose and grid."""

from typing import NamedTuple

import numpy as np

from surgical_perception.geometry import se3

# A margin of zeros lets the trilinear support (-1, n) be read without bounds checks; the second
# voxel absorbs float32 rounding of a sample that lies on the border.
PADDING = 2


class RayGeometry(NamedTuple):
    """
    Rays of one pose, in voxel indices.

    index_from_carm     [3, 3] direction in the camera frame (m) to index coordinates (x, y, z)
    source_index        [3] X-ray source in index coordinates
    ct_from_carm        [3, 3] rotation
    gradient_to_ct      [3, 3] turns d mu / d index into d mu / d ct
    source_m            [3] source minus isocentre, in `ct`
    """

    index_from_carm: np.ndarray
    source_index: np.ndarray
    ct_from_carm: np.ndarray
    gradient_to_ct: np.ndarray
    source_m: np.ndarray


def ray_geometry(volume, carm_from_ct, isocentre_m):
    """Return the RayGeometry of one pose [4, 4]."""
    ct_from_carm = se3.inverse(carm_from_ct)
    index_from_ct = np.linalg.inv(volume.ct_from_index)
    index_from_carm = index_from_ct @ ct_from_carm
    return RayGeometry(
        np.ascontiguousarray(index_from_carm[:3, :3]),
        np.ascontiguousarray(index_from_carm[:3, 3]),
        np.ascontiguousarray(ct_from_carm[:3, :3]),
        np.ascontiguousarray(index_from_ct[:3, :3].T),
        np.ascontiguousarray(ct_from_carm[:3, 3] - isocentre_m),
    )


def padded(volume):
    """Return mu [Z, Y, X] float32 with a border of PADDING zeros, made once per volume."""
    if 'padded' not in volume.cache:
        volume.cache['padded'] = np.pad(volume.mu_per_m, PADDING)
    return volume.cache['padded']
