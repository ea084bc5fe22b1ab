"""The one entry point of all renderers: arguments checked once, then a backend by name."""

from dataclasses import dataclass
from importlib import import_module

import numpy as np

from surgical_perception.errors import InputError

BACKENDS = ('auto', 'numba', 'torch', 'triton')
JACOBIANS = ('none', 'discrete', 'continuum')


@dataclass(frozen=True)
class Rendering:
    """
    Line integrals and their pose derivative.

    image       [B, H, W] float32, dimensionless (integral of mu along the ray)
    jacobian    [B, H, W, 6] float32 or None: derivative by xi = (v in m, omega in rad), where
                `ct_from_carm <- C exp(xi) C^-1 ct_from_carm` about the isocentre in CT axes
    """

    image: np.ndarray
    jacobian: np.ndarray | None


def render(
    volume,
    camera,
    carm_from_ct,
    jacobian='none',
    mask=None,
    step_m=None,
    isocentre_m=None,
    backend='auto',
):
    """
    Integrate attenuation along the rays of a pinhole camera.

    volume          AttenuationVolume
    camera          PinholeCamera
    carm_from_ct    [4, 4] or [B, 4, 4] float64 (m)
    jacobian        'none'; 'discrete': the exact derivative of the sum that makes the image;
                    'continuum': the derivative of the integral that the sum approximates.  They
                    differ along the ray, where the integral's derivative is zero and the sum's is
                    noise as large as the true depth signal: optimise with 'continuum'.
    mask            [H, W] bool; False pixels are not marched and come out as 0
    step_m          distance between samples, by default the smallest voxel spacing
    isocentre_m     [3] centre of rotation of the Jacobian in `ct`, by default the volume's centre
    backend         one of BACKENDS; 'auto' is triton for a CUDA volume, else numba

    Samples lie at (k + 1/2) step from the source: a grid that does not move with the pose, so
    that clipping to the volume drops exact zeros only and the derivative has no boundary terms.
    Raises InputError for arguments that do not fit together.
    """
    if backend not in BACKENDS:
        raise InputError(f'backend is {backend!r}, expected one of {", ".join(BACKENDS)}')
    if jacobian not in JACOBIANS:
        raise InputError(f'jacobian is {jacobian!r}, expected one of {", ".join(JACOBIANS)}')
    poses = np.ascontiguousarray(carm_from_ct, np.float64).reshape(-1, 4, 4)
    if mask is not None:
        mask = np.ascontiguousarray(mask, bool)
        if mask.shape != (camera.height, camera.width):
            raise InputError(
                f'the mask has shape {mask.shape}, the camera {camera.height}x{camera.width}'
            )
    step_m = float(volume.spacing_m.min() if step_m is None else step_m)
    if not step_m > 0:
        raise InputError(f'step_m is {step_m:g}, expected a positive distance')
    isocentre = np.asarray(volume.isocentre_m if isocentre_m is None else isocentre_m, float)
    module = import_module(f'xray_registration.drr.{_resolved(backend)}_backend')
    return Rendering(*module.render(volume, camera, poses, jacobian, mask, step_m, isocentre))


def _resolved(backend):
    """Resolve 'auto' to the fastest backend of this machine."""
    if backend != 'auto':
        return backend
    import torch

    return 'triton' if torch.cuda.is_available() else 'numba'
