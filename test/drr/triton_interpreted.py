"""
Render the scene of test_drr_triton.py by Triton's interpreter and save what comes out.

A program of its own, because TRITON_INTERPRET must be set before Triton is imported.
"""

import sys

import numpy as np
import torch
from drr_scenes import CAMERA, poses, random_volume

from xray_registration.drr import render, triton_backend
from xray_registration.drr.rays import padded

volume = random_volume(size=(9, 8, 7))
batch = poses(volume, 2)
mask = np.random.default_rng(2).random((CAMERA.height, CAMERA.width)) < 0.5
out = {}
for name, jacobian, use in (
    ('none', 'none', None),
    ('discrete', 'discrete', None),
    ('continuum', 'continuum', mask),
):
    rendering = render(volume, CAMERA, batch, jacobian, use, backend='triton')
    out[name] = rendering.image
    if jacobian != 'none':
        out[name + '_jacobian'] = rendering.jacobian

# Whole rays, as large batches have them, instead of pieces; 64-bit offsets; a float16 volume.
triton_backend._MAX_PIECES, triton_backend._INT32_MAX = 1, 0
out['whole'] = render(volume, CAMERA, batch, backend='triton').image
half = torch.as_tensor(padded(volume)).half()
rays = triton_backend.packed_rays(volume, batch, volume.isocentre_m, 'cpu')
out['half'] = triton_backend.render_tensor(half, CAMERA, rays, volume.spacing_m.min())[0].numpy()
np.savez(sys.argv[1], **out)
