"""A trained regressor as the registration holds it: from an X-ray of any C-arm to a start."""

from dataclasses import asdict, dataclass, field

import cv2
import numpy as np
import torch

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.learned import weights
from xray_registration.learned.pose_range import PoseRange
from xray_registration.learned.regressor import Regressor, RegressorConfig


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
        image = torch.as_tensor(self._as_trained(view), dtype=like.dtype, device=like.device)
        with torch.no_grad():
            pose = self._regressor(image[None, None])[0].double().cpu().numpy()
        pose[2, 3] += 1e-3 * self.config.pose_range.source_to_isocentre_mm
        pose[:3, 3] -= pose[:3, :3] @ isocentre_m
        return se3.inverse(view.camera_from_reference) @ pose

    def _as_trained(self, view):
        """Return a View as the training camera would have seen it, in [0, 1]."""
        to, camera = self.config.camera, view.camera
        zoom = np.array([to.fx / camera.fx, to.fy / camera.fy])
        shift = np.array([to.cx, to.cy]) - zoom * [camera.cx, camera.cy]
        affine = np.array([[zoom[0], 0, shift[0]], [0, zoom[1], shift[1]]])
        mask = np.ones(view.image.shape, bool) if view.mask is None else view.mask
        size = (to.width, to.height)
        # What is masked or outside is taken to be like the rest: the mean.
        image = np.where(mask, view.image, view.image[mask].mean() if mask.any() else 0.0)
        blur = 0.5 / zoom.max()
        if blur > 0.5:
            image = cv2.GaussianBlur(image, (0, 0), blur)
        fill = float(image.mean())
        warped = cv2.warpAffine(
            image.astype(np.float32), affine, size, flags=cv2.INTER_LINEAR, borderValue=fill
        )
        return np.clip(warped / max(float(warped.max()), 1e-6), 0, 1)


def load_pose_network(folder, ct_sha256, device='cpu'):
    """
    Return the PoseNetwork of a folder that `train regressor` wrote.

    Raises InputError for weights that are damaged, of another kind, or of another CT.
    """
    tensors, card = weights.load(folder, 'regressor', ct_sha256)
    try:
        config = PoseNetworkConfig.from_values(card.config)
        regressor = Regressor(config.regressor)
        regressor.load_state_dict(tensors)
    except (TypeError, KeyError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f'{folder}: card and weights do not fit together: {reason}') from None
    return PoseNetwork(config, regressor.to(device).eval().requires_grad_(False))
