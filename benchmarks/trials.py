"""Poses, starts and bone points of the registration benchmark, all drawn from fixed seeds."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.geometry.frames import carm_from_ct_at

SOURCE_TO_ISOCENTRE_M = 0.7
CAMERA = PinholeCamera.from_carm(256, 256, sdd_mm=1020.0, du_mm=1.16)

# TotalSegmentator's classes: sacrum and vertebrae, the large bones, ribs and sternum.
BONE_LABELS = (*range(25, 51), *range(69, 79), *range(91, 117))
BONE_POINTS = 2000
# Bone in a CT without labels: in HU, or as a share of the range of a CT that is not in HU.
BONE_HU = 300
BONE_SHARE_OF_RANGE = 0.5


@dataclass(frozen=True)
class StartRange:
    """Half widths of the uniform errors of the starts, per axis of the camera."""

    name: str
    rotation_deg: float
    in_plane_mm: float
    depth_mm: float

    def twist(self, rng):
        """Draw a twist [6] (m, rad) in camera axes."""
        v = rng.uniform(-1, 1, 3) * [self.in_plane_mm, self.in_plane_mm, self.depth_mm] * 1e-3
        return np.r_[v, np.deg2rad(rng.uniform(-1, 1, 3) * self.rotation_deg)]


START_RANGES = {
    r.name: r
    for r in (
        StartRange('10 deg / 20 mm / 40 mm', 10, 20, 40),
        StartRange('20 deg / 40 mm / 40 mm', 20, 40, 40),
        StartRange('30 deg / 60 mm / 60 mm', 30, 60, 60),
        StartRange('45 deg / 90 mm / 90 mm', 45, 90, 90),
    )
}
# The poses that are to be found: views around AP, as a C-arm is moved in the theatre.
POSE_RANGE = StartRange('poses', 20, 20, 40)


def perturbed(carm_from_ct, isocentre_m, twist):
    """Move a pose by a twist [6] about the isocentre of the CT, in camera axes."""
    return se3.perturb(twist, carm_from_ct, se3.apply(carm_from_ct, np.asarray(isocentre_m)))


def poses(ct, count, seed):
    """Draw `count` true carm_from_ct [count, 4, 4] around the AP view."""
    rng = np.random.default_rng([seed, 0])
    nominal = carm_from_ct_at('AP', ct.isocentre_m, SOURCE_TO_ISOCENTRE_M)
    return np.stack(
        [perturbed(nominal, ct.isocentre_m, POSE_RANGE.twist(rng)) for _ in range(count)]
    )


def starts(carm_from_ct, isocentre_m, start_range, per_pose, seed):
    """Draw starts [P, per_pose, 4, 4] around the true poses [P, 4, 4]."""
    rng = np.random.default_rng([seed, 1])
    return np.stack(
        [
            [perturbed(pose, isocentre_m, start_range.twist(rng)) for _ in range(per_pose)]
            for pose in carm_from_ct
        ]
    )


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
    surface = np.argwhere(bone & ~binary_erosion(bone))[:, ::-1]
    if len(surface) == 0:
        raise InputError(f'{ct.path}: has no bone to measure registration errors on')
    rng = np.random.default_rng([seed, 2])
    chosen = rng.choice(len(surface), min(BONE_POINTS, len(surface)), replace=False)
    return se3.apply(ct.ct_from_index, surface[chosen].astype(float))
