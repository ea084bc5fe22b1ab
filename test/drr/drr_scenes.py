"""Cameras, poses and small volumes that the renderer's tests share."""

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.drr import torch_backend
from xray_registration.volume.attenuation import AttenuationVolume

# Off-centre principal point, non-square pixels, sides that no tile divides.
CAMERA = PinholeCamera(23, 17, 110.0, 104.0, 13.2, 6.1)

# Two ulps of a mean of some hundred float32 samples; the Jacobian has large sums that cancel.
IMAGE_TOLERANCE = 3e-6
JACOBIAN_TOLERANCE = 2.4e-4


def relative_error(value, reference):
    return np.linalg.norm(value - reference) / np.linalg.norm(reference)


def affine(angles_deg=(17, -12, 28), spacing_mm=(4, -5, 6), centre_m=(0.1, -0.2, 0.3), size=None):
    """ct_from_index of an oblique grid with a flipped axis, its middle at `centre_m`."""
    out = np.eye(4)
    out[:3, :3] = Rotation.from_euler('xyz', angles_deg, degrees=True).as_matrix()
    out[:3, :3] *= np.array(spacing_mm) * 1e-3
    out[:3, 3] = centre_m - out[:3, :3] @ ((np.array(size) - 1) / 2)
    return out


def random_volume(seed=0, size=(14, 12, 10), **kwargs):
    """White noise: the hardest case for derivatives, and no symmetry hides a swapped axis."""
    mu = np.random.default_rng(seed).uniform(0, 40, size[::-1]).astype(np.float32)
    return AttenuationVolume(mu, affine(size=size, **kwargs))


def carm_from_ct(volume, xi=(0, 0, 0, 0, 0, 0), distance_m=0.3):
    """A C-arm that looks at the volume's middle, moved by the twist `xi`."""
    at_middle = se3.from_rotation_translation(np.eye(3), [0, 0, distance_m])
    at_middle[:3, 3] -= volume.isocentre_m
    return se3.perturb(np.asarray(xi, float), at_middle, [0, 0, distance_m])


def poses(volume, count=3, seed=1):
    scale = [0.01, 0.01, 0.03, 0.7, 0.7, 0.7]
    twists = np.random.default_rng(seed).uniform(-1, 1, (count, 6)) * scale
    return np.stack([carm_from_ct(volume, xi) for xi in twists])


def render_double(volume, camera, carm_from_ct_tensor, step_m, jacobian='none', mu=None):
    """The reference renderer in float64, on tensors."""
    mu = torch.as_tensor(volume.mu_per_m).double() if mu is None else mu
    return torch_backend.render_tensor(
        mu,
        np.linalg.inv(volume.ct_from_index),
        camera,
        carm_from_ct_tensor,
        step_m,
        volume.isocentre_m,
        jacobian,
    )


def moved(xi, carm_from_ct_tensor, centre_m):
    """`ct_from_carm <- C exp(xi) C^-1 ct_from_carm`, differentiable by the tensor xi [6]."""
    v, (x, y, z), zero = xi[:3], xi[3:], xi.new_zeros(())
    hat = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    twist = torch.cat([torch.cat([hat, v[:, None]], 1), xi.new_zeros(1, 4)])
    centre = torch.eye(4, dtype=xi.dtype)
    centre[:3, 3] = torch.as_tensor(centre_m, dtype=xi.dtype)
    ct_motion = centre @ torch.linalg.matrix_exp(twist) @ torch.linalg.inv(centre)
    return carm_from_ct_tensor @ torch.linalg.inv(ct_motion)
