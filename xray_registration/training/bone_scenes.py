"""What an isolation is trained on: X-rays of a bone among other anatomy, and the bone alone."""

import numpy as np
import torch

from xray_registration.drr import render
from xray_registration.learned.randomisation import randomised
from xray_registration.training.isolation_loss import BoneShots
from xray_registration.training.other_bones import OtherBones, continued, projected
from xray_registration.training.scenes import BONE_MULTIPLIERS, unit_range
from xray_registration.training.surroundings import with_surroundings
from xray_registration.volume.attenuation import AttenuationConfig, attenuation_from_ct

# Bones of other CTs, or mirror images, in one X-ray.
_MOST_OTHERS = 3


class BoneScenes:
    """Draws BoneShots of one CT; the same seed draws the same."""

    def __init__(self, ct, others, config, seed, backend='auto'):
        """Take the CtImage of the bone, those of others that may lie beside it, a SceneConfig."""
        self._config, self._seed, self._backend = config, seed, backend
        self._volume = attenuation_from_ct(ct).resampled(1e-3 * config.voxel_mm)
        # X-rays show more of a bone than a CT that cuts it off.
        self._targets = [
            continued(
                attenuation_from_ct(ct, AttenuationConfig(bone_multiplier=m)), config.voxel_mm
            )
            for m in BONE_MULTIPLIERS
        ]
        self._others = OtherBones(ct, others, config.voxel_mm, backend)

    def draw(self, count, step):
        """Return BoneShots number `step`, of `count` X-rays."""
        config, camera = self._config, self._config.camera
        rng = np.random.default_rng([self._seed, step])
        isocentre_m = self._volume.isocentre_m
        poses = config.pose_range.draw(count, isocentre_m, rng)
        target = self._targets[rng.integers(len(self._targets))]
        images = projected(target, camera, poses, self._backend)
        images = np.stack(
            [
                image + self._others.image(camera, pose, isocentre_m, _MOST_OTHERS, rng)
                for image, pose in zip(images, poses, strict=True)
            ]
        )
        draws = torch.Generator().manual_seed(int(rng.integers(2**31)))
        among = with_surroundings(torch.as_tensor(images, dtype=torch.float32)[:, None], draws)
        alone = render(self._volume, camera, poses, backend=self._backend).image
        return BoneShots(
            randomised(unit_range(among), config.randomisation, draws),
            torch.as_tensor(alone)[:, None],
        )
