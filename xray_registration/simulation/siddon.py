"""
Exact line integrals by DiffDRR's Siddon: targets that our own renderer has no part in.

Our renderer samples a trilinear interpolant at fixed steps; Siddon sums constant voxels over the
exact length of ray in each.  A registration that is tested on Siddon's images therefore cannot
profit from errors of the renderer that it registers with.
"""

import numpy as np
import torch
from diffdrr.drr import DRR
from diffdrr.pose import RigidTransform
from torchio import ScalarImage, Subject

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.frames import RAS_FROM_LPS
from xray_registration.volume.attenuation import AttenuationVolume, attenuation_from_ct

# DiffDRR's camera is ours turned by 180 degrees about the optical axis (x left, y up).
_OURS_FROM_DIFFDRR = np.diag([-1.0, -1.0, 1.0, 1.0])

# DiffDRR works in mm.
_MM_PER_M = 1e3

# Only the directions of the rays matter, so any detector behind the patient will do; DiffDRR's
# trilinear renderer ends there.
_DETECTOR_MM = 2000.0

# Voxel crossings that are held at once.  Unchunked, 512x512 rays over 512x512x133 voxels need
# 8 GB; this many need 0.2 GB and keep the sort in the processor's cache.
_CROSSINGS_AT_ONCE = 4_000_000


def project(ct, camera, carm_from_ct, attenuation):
    """
    Project a CT at its full resolution to line integrals [H, W] float32 (dimensionless).

    `carm_from_ct` [4, 4] in m, any PinholeCamera, any affine of the CT (oblique, flipped);
    `attenuation` (AttenuationConfig) should differ from that of the registration under test.
    The same input gives the same bits.  Raises InputError where the CT reaches behind the source.
    Source: Siddon, Med Phys 12:252 (1985), as implemented by DiffDRR.
    """
    volume = _cropped(attenuation_from_ct(ct, attenuation))
    if volume is None:
        return np.zeros((camera.height, camera.width), np.float32)
    carm_from_ct = se3.validated(carm_from_ct, 'carm_from_ct')
    _require_in_front(carm_from_ct @ volume.ct_from_index, volume.size)

    drr = diffdrr_module(volume, camera, 'siddon')
    source, target = drr.detector(diffdrr_pose(carm_from_ct), None)
    rays_at_once = max(1, _CROSSINGS_AT_ONCE // (sum(volume.size) + 3))
    with torch.no_grad():
        parts = [drr.render(drr.density, source, t) for t in target.split(rays_at_once, dim=1)]
    return torch.cat(parts, -1).reshape(camera.height, camera.width).numpy()


def diffdrr_module(volume, camera, renderer):
    """
    Return DiffDRR's module for an AttenuationVolume and a PinholeCamera.

    `renderer` is 'siddon' or 'trilinear'.  Its world is RAS in mm, and its density is mu in 1/mm
    instead of DiffDRR's own normalisation of Hounsfield units to [0, 1].
    """
    affine = np.diag([_MM_PER_M, _MM_PER_M, _MM_PER_M, 1.0]) @ RAS_FROM_LPS @ volume.ct_from_index
    mu_per_mm = torch.from_numpy((volume.mu_per_m / np.float32(_MM_PER_M)).transpose(2, 1, 0))
    density = ScalarImage(tensor=mu_per_mm[None], affine=affine)
    subject = Subject(volume=density, density=density, mask=None, reorient=torch.eye(4))
    pixel_x, pixel_y = _DETECTOR_MM / camera.fx, _DETECTOR_MM / camera.fy
    return DRR(
        subject,
        sdd=_DETECTOR_MM,
        height=camera.height,
        width=camera.width,
        delx=pixel_x,
        dely=pixel_y,
        # Its offsets count from the centre of the image.
        x0=(camera.cx - (camera.width - 1) / 2) * pixel_x,
        y0=(camera.cy - (camera.height - 1) / 2) * pixel_y,
        renderer=renderer,
    )


def diffdrr_pose(carm_from_ct):
    """Return DiffDRR's pose of a carm_from_ct [4, 4] (m): its camera to its world, in mm."""
    pose = RAS_FROM_LPS @ se3.inverse(carm_from_ct) @ _OURS_FROM_DIFFDRR
    pose[:3, 3] *= _MM_PER_M
    return RigidTransform(torch.from_numpy(pose).float())


def _cropped(volume):
    """Cut a volume to the box of its non-zero voxels (exact: zeros add nothing), None if empty."""
    occupied = volume.mu_per_m > 0
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        indices = np.flatnonzero(occupied.any(axis=others))
        if indices.size == 0:
            return None
        box.append(slice(indices[0], indices[-1] + 1))
    shift = np.eye(4)
    shift[:3, 3] = [s.start for s in reversed(box)]
    return AttenuationVolume(volume.mu_per_m[tuple(box)], volume.ct_from_index @ shift)


def _require_in_front(carm_from_index, size):
    """Refuse a source beside or inside the CT: Siddon's lines would run backwards through it."""
    corners = np.stack(np.meshgrid(*[(-0.5, n - 0.5) for n in size]), -1).reshape(-1, 3)
    nearest = (corners @ carm_from_index[2, :3] + carm_from_index[2, 3]).min()
    if nearest <= 0:
        raise InputError(
            f'the CT reaches {-nearest * _MM_PER_M:.0f} mm behind the X-ray source: '
            'move the C-arm away or check carm_from_ct (metres?)'
        )
