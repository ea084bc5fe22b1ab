"""What networks are trained on: X-rays of a CT from random poses, and DRRs from beside them."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.drr import render
from xray_registration.learned.pose_range import PoseRange, tensor
from xray_registration.learned.randomisation import RandomisationConfig, randomised
from xray_registration.volume.attenuation import AttenuationConfig, attenuation_from_ct

# X-rays are made with another attenuation of bone than DRRs, as real ones have.
BONE_MULTIPLIERS = (0.8, 1.0, 1.4)

# Starts beside the truth are drawn at every scale from this share of the largest to the largest.
_SMALLEST_OFFSET = 0.05


@dataclass(frozen=True)
class SceneConfig:
    """Geometry of the training images, and how far beside the truth DRRs begin."""

    image_size: int = 128
    field_mm: float = 297.0  # side of the detector
    sdd_mm: float = 1020.0
    voxel_mm: float = 2.8
    offset_rotation_deg: float = 30.0
    offset_in_plane_mm: float = 60.0
    offset_depth_mm: float = 60.0
    pose_range: PoseRange = field(default_factory=PoseRange)
    randomisation: RandomisationConfig = field(default_factory=RandomisationConfig)

    @property
    def isocentre_field_mm(self):
        """Side of the square around the isocentre that the images show."""
        return self.field_mm * self.pose_range.source_to_isocentre_mm / self.sdd_mm

    @property
    def camera(self):
        """The PinholeCamera of the training images."""
        size = self.image_size
        return PinholeCamera.from_carm(size, size, self.sdd_mm, self.field_mm / size)


class Batch(NamedTuple):
    """
    Pairs of images as tensors.

    fixed       [B, 1, H, W] in [0, 1]: X-rays from the true poses, randomised
    moving      [B, 1, H, W] line integrals of the DRRs; columns [B, 6, H, W] their Jacobian by
                the twist of `render`
    start       [B, 4, 4] carm_from_ct of the DRRs; truth [B, 4, 4] that of the X-rays
    offset      [B] scale of the offset between them, in (0, 1]
    isocentre_m [3]
    ct          number of the CT
    """

    fixed: torch.Tensor
    moving: torch.Tensor
    columns: torch.Tensor
    start: torch.Tensor
    truth: torch.Tensor
    offset: torch.Tensor
    isocentre_m: torch.Tensor
    ct: torch.Tensor

    def to(self, device):
        """Return the Batch on another device."""
        return Batch(*(x.to(device) for x in self))


class Shots(NamedTuple):
    """X-rays alone: fixed [B, 1, H, W], truth [B, 4, 4] and isocentre_m [3] as in Batch."""

    fixed: torch.Tensor
    truth: torch.Tensor
    isocentre_m: torch.Tensor

    def to(self, device):
        """Return the Shots on another device."""
        return Shots(*(x.to(device) for x in self))


class Scenes:
    """Draws Batches or Shots of some CTs; the same seed draws the same."""

    def __init__(self, cts, config, seed, backend='auto'):
        self.config, self._backend, self._seed = config, backend, seed
        spacing_m = 1e-3 * config.voxel_mm
        self.volumes = [attenuation_from_ct(ct).resampled(spacing_m) for ct in cts]
        self._targets = [
            [
                attenuation_from_ct(ct, AttenuationConfig(bone_multiplier=m)).resampled(spacing_m)
                for m in BONE_MULTIPLIERS
            ]
            for ct in cts
        ]

    def draw(self, count, step):
        """Return Batch number `step`, of `count` pairs from one CT."""
        rng = np.random.default_rng([self._seed, step])
        which, truth, fixed = self._xrays(count, rng)
        volume = self.volumes[which]
        isocentre_m = volume.isocentre_m
        offset = _SMALLEST_OFFSET ** rng.uniform(0, 1, count)
        start = np.stack(
            [self._beside(p, s, isocentre_m, rng) for p, s in zip(truth, offset, strict=True)]
        )
        drrs = render(volume, self.config.camera, start, 'continuum', backend=self._backend)
        return Batch(
            fixed,
            torch.as_tensor(drrs.image)[:, None],
            torch.as_tensor(drrs.jacobian).permute(0, 3, 1, 2).contiguous(),
            tensor(start),
            tensor(truth),
            torch.as_tensor(offset, dtype=torch.float32),
            torch.as_tensor(isocentre_m, dtype=torch.float32),
            torch.tensor(which),
        )

    def shots(self, count, step):
        """Return Shots number `step`, of `count` X-rays of one CT; none is one of a Batch."""
        which, truth, fixed = self._xrays(count, np.random.default_rng([self._seed, step, 1]))
        centre = torch.as_tensor(self.volumes[which].isocentre_m, dtype=torch.float32)
        return Shots(fixed, tensor(truth), centre)

    def shots_and_drrs(self, count, step):
        """
        Return Shots number `step`, of `count` images of one CT: X-rays, then as many DRRs.

        The DRRs, clean, are from beside the X-rays, by offsets of any size up to the largest.
        """
        rng = np.random.default_rng([self._seed, step, 2])
        which, truth, fixed = self._xrays(count - count // 2, rng)
        volume = self.volumes[which]
        scales = rng.uniform(_SMALLEST_OFFSET, 1, count // 2)
        start = np.stack(
            [
                self._beside(p, s, volume.isocentre_m, rng)
                for p, s in zip(truth, scales, strict=False)
            ]
        )
        drrs = render(volume, self.config.camera, start, backend=self._backend).image
        return Shots(
            torch.cat([fixed, torch.as_tensor(drrs)[:, None]]),
            torch.cat([tensor(truth), tensor(start)]),
            torch.as_tensor(volume.isocentre_m, dtype=torch.float32),
        )

    def _xrays(self, count, rng):
        """Return (number of the CT, carm_from_ct [B, 4, 4], randomised X-rays [B, 1, H, W])."""
        config = self.config
        which = int(rng.integers(len(self.volumes)))
        target = self._targets[which][rng.integers(len(BONE_MULTIPLIERS))]
        truth = config.pose_range.draw(count, self.volumes[which].isocentre_m, rng)
        images = render(target, config.camera, truth, backend=self._backend).image
        draws = torch.Generator().manual_seed(int(rng.integers(2**31)))
        fixed = randomised(
            unit_range(torch.as_tensor(images)[:, None]), config.randomisation, draws
        )
        return which, truth, fixed

    def _beside(self, carm_from_ct, scale, isocentre_m, rng):
        """Return a pose [4, 4] beside another, by up to a share of the configured offsets."""
        config = self.config
        turn = np.deg2rad(config.offset_rotation_deg)
        lateral, depth = 1e-3 * config.offset_in_plane_mm, 1e-3 * config.offset_depth_mm
        half = np.array([lateral, lateral, depth, turn, turn, turn])
        twist = scale * half * rng.uniform(-1, 1, 6)
        return se3.perturb(twist, carm_from_ct, se3.apply(carm_from_ct, isocentre_m))


def unit_range(image):
    """Scale line integrals [B, 1, H, W] so that each image's largest value is 1."""
    return image / image.amax((1, 2, 3), keepdim=True).clamp(min=1e-6)
