"""
Other bones beside a segmented one, as an X-ray shows them: projections of segmented bones.

The bone's own mirror image is always among them: nothing looks more like it and is not it.
"""

import numpy as np

from surgical_perception.geometry import se3
from xray_registration.drr import render
from xray_registration.pyramid import VolumePyramid
from xray_registration.volume.attenuation import AttenuationVolume, attenuation_from_ct

# Half widths about the bone's own pose: neighbours lie beside it, and nearly parallel.
_IN_PLANE_M, _DEPTH_M, _TURN = 0.05, 0.03, np.deg2rad(30.0)

# How much more or less than the bone they absorb.
_DENSER = (0.6, 1.4)


class OtherBones:
    """Draws images of other bones."""

    def __init__(self, ct, others, voxel_mm, backend='auto'):
        """Take the CtImage of the bone, and those of others."""
        own = attenuation_from_ct(ct)
        mirrored = np.ascontiguousarray(own.mu_per_m[:, :, ::-1])
        volumes = [AttenuationVolume(mirrored, own.ct_from_index)]
        volumes += [attenuation_from_ct(other) for other in others]
        self._shown = [continued(volume, voxel_mm) for volume in volumes]
        self._backend = backend

    def image(self, camera, carm_from_ct, isocentre_m, most, rng):
        """
        Return line integrals [H, W] of at most so many bones around the isocentre of a pose.

        Half of them are upside down.
        """
        image = 0.0
        for _ in range(rng.integers(most + 1)):
            volumes = self._shown[rng.integers(len(self._shown))]
            pose = _beside(carm_from_ct, isocentre_m, volumes[0].isocentre_m, rng)
            denser = rng.uniform(*_DENSER)
            image = image + denser * projected(volumes, camera, pose[None], self._backend)[0]
        return image


def _beside(carm_from_ct, isocentre_m, others_isocentre_m, rng):
    """Return the pose [4, 4] of another bone, whose isocentre is given in its own frame."""
    flip = np.diag([1.0, -1.0, -1.0]) if rng.random() < 0.5 else np.eye(3)
    half = np.array([_IN_PLANE_M, _IN_PLANE_M, _DEPTH_M, _TURN, _TURN, np.pi])
    *shift, right, down, spin = half * rng.uniform(-1, 1, 6)
    # The spin is about the bone's own long axis, which says nothing of neighbours.
    tilt, spun = (
        se3.exp(np.r_[0, 0, 0, turn])[:3, :3] for turn in ([right, down, 0], [0, 0, spin])
    )
    rotation = tilt @ carm_from_ct[:3, :3] @ flip @ spun
    middle = se3.apply(carm_from_ct, isocentre_m) + shift
    return se3.from_rotation_translation(rotation, middle - rotation @ others_isocentre_m)


def continued(volume, voxel_mm):
    """Return AttenuationVolumes: on a grid of voxel_mm, and what lies beyond faces that cut it."""
    beyond = VolumePyramid(volume).continuation()
    shown = volume.resampled(1e-3 * voxel_mm)
    return [shown] if beyond is None else [shown, beyond]


def projected(volumes, camera, poses, backend):
    """Return the sum of the DRRs [B, H, W] of some AttenuationVolumes."""
    return sum(render(volume, camera, poses, backend=backend).image for volume in volumes)
