"""Linear attenuation from Hounsfield units, and its pyramid of coarser grids."""

from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import gaussian_filter1d

from surgical_perception.errors import InputError

# Water at the mean energy of a C-arm beam; 0.02683 /mm is the value of the xReg simulator.
MU_WATER_PER_M = 26.83


@dataclass(frozen=True)
class AttenuationConfig:
    """How Hounsfield units become linear attenuation."""

    mu_water_per_m: float = MU_WATER_PER_M
    lower_hu: float = -1000.0  # voxels below count as air; -130 drops fat and lung too
    bone_multiplier: float = 1.0  # of voxels above 350 HU: bone absorbs more in a soft beam
    labels: tuple[int, ...] = ()  # keep only these labels; empty keeps all


@dataclass(frozen=True)
class AttenuationVolume:
    """
    Linear attenuation on a grid in the `ct` frame; what the renderers march through.

    mu_per_m        [Z, Y, X] float32, C-contiguous, 1/m
    ct_from_index   [4, 4] (x, y, z) voxel indices to LPS metres
    """

    mu_per_m: np.ndarray
    ct_from_index: np.ndarray
    # Backends keep what they derive from the grid (padded copies, device tensors) here.
    cache: dict = field(default_factory=dict, compare=False, repr=False)

    @property
    def size(self):
        """Number of voxels along (x, y, z)."""
        return self.mu_per_m.shape[::-1]

    @property
    def spacing_m(self):
        """Voxel size along (x, y, z) in metres [3]."""
        return np.linalg.norm(self.ct_from_index[:3, :3], axis=0)

    @property
    def isocentre_m(self):
        """Centre of the grid in the `ct` frame [3]."""
        centre = (np.array(self.size, float) - 1) / 2
        return self.ct_from_index[:3, :3] @ centre + self.ct_from_index[:3, 3]

    def resampled(self, spacing_m):
        """
        Return the volume on an isotropic grid of `spacing_m` over the same extent.

        An axis that gets coarser is blurred first (Gaussian of half the ratio): without it, fine
        bone edges alias into the coarse projection and pull the pose.
        """
        ratio = spacing_m / self.spacing_m
        mu = self.mu_per_m
        for axis, r in zip((2, 1, 0), ratio, strict=True):
            if r > 1:
                sigma = 0.5 * np.sqrt(r * r - 1)
                mu = gaussian_filter1d(mu, sigma, axis=axis, mode='nearest', truncate=3.0)
        extent = (np.array(self.size) - 1) / ratio
        size = np.maximum(1, np.floor(extent + 1e-6).astype(int) + 1)
        start = (extent - (size - 1)) / 2 * ratio
        # The grids are aligned, so the trilinear interpolation separates into three 1D ones.
        for axis, s, r, n in zip((2, 1, 0), start, ratio, size, strict=True):
            mu = _interpolate_axis(mu, axis, s + r * np.arange(n))
        scale = np.eye(4)
        scale[:3, :3] = np.diag(ratio)
        scale[:3, 3] = start
        return AttenuationVolume(np.ascontiguousarray(mu, np.float32), self.ct_from_index @ scale)


def _interpolate_axis(values, axis, positions):
    """Interpolate linearly along one axis at fractional indices."""
    low = np.clip(np.floor(positions).astype(int), 0, values.shape[axis] - 1)
    high = np.minimum(low + 1, values.shape[axis] - 1)
    shape = [1, 1, 1]
    shape[axis] = -1
    weight = (positions - low).astype(np.float32).reshape(shape)
    a = np.take(values, low, axis)
    return a + weight * (np.take(values, high, axis) - a)


def attenuation_from_ct(ct, config=None):
    """
    Convert a CtImage to an AttenuationVolume: mu = mu_water (1 + HU / 1000), never below 0.

    A CT that is not in HU (`is_hu` False) maps linearly from its minimum to 3 mu_water at its
    maximum; the similarity is blind to that scale.  Source: the xReg simulator's mapping.
    Raises InputError where labels are configured but the CT has none.
    """
    config = config or AttenuationConfig()
    values = ct.hu.astype(np.float32)
    if ct.is_hu:
        mu = np.maximum(values * np.float32(1e-3) + np.float32(1), 0)
        mu[values < config.lower_hu] = 0
        if config.bone_multiplier != 1.0:
            mu[values > 350] *= config.bone_multiplier
        mu *= np.float32(config.mu_water_per_m)
    else:
        span = max(float(np.ptp(values)), 1e-6)
        mu = (values - values.min()) * np.float32(3 * config.mu_water_per_m / span)
    if config.labels:
        if ct.labels is None:
            raise InputError(
                f'{ct.path}: labels {config.labels} are to be kept: give a label file'
            )
        mu[~np.isin(ct.labels, config.labels)] = 0
    return AttenuationVolume(np.ascontiguousarray(mu), np.asarray(ct.ct_from_index, float))
