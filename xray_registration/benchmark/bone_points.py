"""Where registration errors are taken: points on the surface of the bones."""

import numpy as np
from scipy.ndimage import binary_erosion

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3

# TotalSegmentator's classes: sacrum and vertebrae, the large bones, ribs and sternum.
BONE_LABELS = (*range(25, 51), *range(69, 79), *range(91, 117))
BONE_POINTS = 2000
# Bone in a CT without labels: in HU, or as a share of the range of a CT that is not in HU.
BONE_HU = 300
BONE_SHARE_OF_RANGE = 0.5


def bone_points(ct, seed):
    """
    Draw BONE_POINTS points [N, 3] (m, ct) from the surface voxels of all bones of the CT.

    By labels where the CT has them, else by a threshold.  Raises InputError without bone.
    """
    if ct.labels is not None:
        bone = np.isin(ct.labels, BONE_LABELS)
    elif ct.is_hu:
        bone = ct.hu > BONE_HU
    else:
        bone = ct.hu > ct.hu.min() + BONE_SHARE_OF_RANGE * np.ptp(ct.hu)
    return surface_points(ct, bone, BONE_POINTS, seed)


def surface_points(ct, bone, count, seed):
    """
    Draw at most `count` points [N, 3] (m, ct) from the surface voxels of bone [Z, Y, X] bool.

    Raises InputError where there is none.
    """
    surface = np.argwhere(bone & ~binary_erosion(bone))[:, ::-1]
    if len(surface) == 0:
        raise InputError(f'{ct.path}: has no bone to measure registration errors on')
    rng = np.random.default_rng([seed, 2])
    chosen = rng.choice(len(surface), min(count, len(surface)), replace=False)
    return se3.apply(ct.ct_from_index, surface[chosen].astype(float))
