"""A trained regressor as the registration holds it: from an X-ray of any C-arm to a start."""

from dataclasses import asdict, dataclass, field

import torch

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.learned import weights
from xray_registration.learned.pose_range import PoseRange
from xray_registration.learned.regressor import Regressor, RegressorConfig
from xray_registration.learned.training_camera import as_seen_by


@dataclass(frozen=True)
class PoseNetworkConfig:
    """The regressor, the camera that it was trained with, and where poses were."""

    regressor: RegressorConfig = field(default_factory=RegressorConfig)
    image_size: int = 128
    field_mm: float = 297.0
    sdd_mm: float = 1020.0
    pose_range: PoseRange = field(default_factory=PoseRange)

    @property
    def camera(self):
        """The PinholeCamera whose images the regressor knows."""
        size = self.image_size
        return PinholeCamera.from_carm(size, size, self.sdd_mm, self.field_mm / size)

    def as_values(self):
        """Return plain values for a card."""
        return asdict(self)

    @classmethod
    def from_values(cls, values):
        """Return the config that a card holds as plain values."""
        others = {name: values[name] for name in ('image_size', 'field_mm', 'sdd_mm')}
        return cls(
            RegressorConfig(**_with_tuples(values['regressor'])),
            pose_range=PoseRange(**_with_tuples(values['pose_range'])),
            **others,
        )


def _with_tuples(values):
    """Return plain values with tuples for lists, as the configurations have them."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}


class PoseNetwork:
    """Estimates where a CT is from one X-ray, without a start."""

    def __init__(self, config, regressor):
        """Take a PoseNetworkConfig and a Regressor in evaluation mode."""
        self.config, self._regressor = config, regressor

    def start(self, view, isocentre_m):
        """Return reference_from_ct [4, 4] (m) as one View shows it; coarse, not a registration."""
        like = next(self._regressor.parameters())
        seen = as_seen_by(view, self.config.camera)
        image = torch.as_tensor(seen.image, dtype=like.dtype, device=like.device)
        with torch.no_grad():
            pose = self._regressor(image[None, None])[0].double().cpu().numpy()
        pose[2, 3] += 1e-3 * self.config.pose_range.source_to_isocentre_mm
        pose[:3, 3] -= pose[:3, :3] @ isocentre_m
        return se3.inverse(view.camera_from_reference) @ pose


def load_pose_network(folder, ct_sha256, device='cpu'):
    """
    Return the PoseNetwork of a folder that `train regressor` wrote.

    Raises InputError for weights that are damaged, of another kind, or of another CT.
    """
    config, regressor = weights.load_network(
        folder,
        'regressor',
        ct_sha256,
        PoseNetworkConfig.from_values,
        lambda config: Regressor(config.regressor),
        device,
    )
    return PoseNetwork(config, regressor)
