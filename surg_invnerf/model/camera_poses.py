"""
Camera poses from kinematics, with what kinematics gets wrong.

world_from_camera(i) = kinematics(i) @ exp(hand_eye) @ exp(residual(i)): a constant error of the
hand-eye calibration shows on the camera's side.  An error on the world's side only renames the
world and is not estimated.
"""

import numpy as np
import torch
from torch import nn

# Standard deviations (v in m, omega in rad): what a hand-eye calibration leaves, and what joints
# add from frame to frame.
_HAND_EYE = (5e-3, 5e-3, 5e-3, 0.035, 0.035, 0.035)
_RESIDUAL = (1e-3, 1e-3, 1e-3, 0.009, 0.009, 0.009)
# Adam moves every number at the same rate: in these units a residual moves less than the offset.
_RESIDUAL_UNIT = 0.1


class CameraPoses(nn.Module):
    """Poses of frames; `estimated` says whether hand-eye offset and residuals may move."""

    def __init__(self, poses, estimated):
        super().__init__()
        self.estimated = estimated
        self.hand_eye = nn.Parameter(torch.zeros(6), requires_grad=estimated)
        self._kinematics, self.residuals = {}, nn.ParameterDict()
        self.retain(poses)

    def retain(self, poses):
        """Hold exactly these poses {frame: [4, 4]}; residuals of frames that stay are kept."""
        self._kinematics = {
            frame: torch.as_tensor(np.asarray(pose), dtype=torch.float32)
            for frame, pose in poses.items()
        }
        for name in set(self.residuals) - {str(frame) for frame in poses}:
            del self.residuals[name]
        for frame in poses:
            if str(frame) not in self.residuals:
                device = self.hand_eye.device
                zero = torch.zeros(6, device=device)
                self.residuals[str(frame)] = nn.Parameter(zero, requires_grad=self.estimated)

    def kinematics(self):
        """Return {frame: [4, 4]} as given."""
        return {frame: pose.numpy() for frame, pose in self._kinematics.items()}

    def forward(self, frames):
        """Return world_from_camera [F, 4, 4] of a list of frames."""
        given = torch.stack([self._kinematics[frame] for frame in frames])
        given = given.to(self.hand_eye.device)
        if not self.estimated:
            return given
        residuals = torch.stack([self.residuals[str(frame)] for frame in frames])
        return given @ exp(self.hand_eye[None]) @ exp(_RESIDUAL_UNIT * residuals)

    def improbability(self):
        """Return the mean squared offset and residual, in units of their standard deviations."""
        if not self.estimated:
            return self.hand_eye.sum() * 0
        residuals = _RESIDUAL_UNIT * torch.stack(list(self.residuals.values()))
        offset = self.hand_eye / self.hand_eye.new_tensor(_HAND_EYE)
        return (
            offset.square().mean() + (residuals / residuals.new_tensor(_RESIDUAL)).square().mean()
        )


def exp(twists):
    """Return SE(3) matrices [N, 4, 4] of twists (v, omega) [N, 6]; exact for any size."""
    v, w = twists[:, :3], twists[:, 3:]
    zero = torch.zeros_like(w[:, 0])
    rows = [
        torch.stack([zero, -w[:, 2], w[:, 1], v[:, 0]], 1),
        torch.stack([w[:, 2], zero, -w[:, 0], v[:, 1]], 1),
        torch.stack([-w[:, 1], w[:, 0], zero, v[:, 2]], 1),
        torch.zeros_like(twists[:, :4]),
    ]
    return torch.linalg.matrix_exp(torch.stack(rows, 1))
