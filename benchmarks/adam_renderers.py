"""Loss and pose gradient of one X-ray, through our renderer and through DiffDRR."""

import numpy as np
import torch
from adam import motion
from diffdrr.pose import RigidTransform
from multiscale_ncc import multiscale_ncc_loss

from surgical_perception.geometry import se3
from surgical_perception.geometry.frames import RAS_FROM_LPS
from xray_registration.drr import render
from xray_registration.simulation.siddon import diffdrr_module, diffdrr_pose


class OurRenderer:
    """Image and exact Jacobian from one pass, loss gradient by the chain rule."""

    def __init__(self, view, volume, ct_from_carm):
        """Take a View, an AttenuationVolume and the start [4, 4]."""
        self._fixed = torch.from_numpy(view.image)
        self._camera, self._volume, self._start = view.camera, volume, ct_from_carm

    def loss_and_gradient(self, rotation, translation_mm):
        """Return the loss and its gradient [6] by rotation (rad) and translation (mm)."""
        centre_m = self._volume.isocentre_m
        pose = motion(rotation, translation_mm, centre_m) @ self._start
        # About the moved centre, turning does not shift: the Jacobian's columns separate.
        rendering = render(
            self._volume,
            self._camera,
            se3.inverse(pose),
            'continuum',
            isocentre_m=centre_m + 1e-3 * translation_mm,
        )
        moving = torch.from_numpy(rendering.image[0]).requires_grad_()
        loss = multiscale_ncc_loss(moving, self._fixed)
        loss.backward()
        by_twist = moving.grad.numpy().ravel() @ rendering.jacobian[0].reshape(-1, 6)
        by_rotation = left_jacobian(rotation).T @ by_twist[3:]
        return loss.item(), np.r_[by_rotation, 1e-3 * by_twist[:3]].astype(float)


class DiffDrrRenderer:
    """The same loss by autograd through DiffDRR's trilinear renderer (faster than its Siddon)."""

    def __init__(self, view, volume, ct_from_carm):
        """Take a View, an AttenuationVolume and the start [4, 4]."""
        self._fixed = torch.from_numpy(view.image)
        self._drr = diffdrr_module(volume, view.camera, 'trilinear')
        self._start = diffdrr_pose(se3.inverse(ct_from_carm)).matrix[0]
        self._axes = torch.from_numpy(RAS_FROM_LPS[:3, :3]).float()
        self._centre_mm = torch.from_numpy(1e3 * volume.isocentre_m).float()

    def loss_and_gradient(self, rotation, translation_mm):
        """Return the loss and its gradient [6] by rotation (rad) and translation (mm)."""
        parameters = torch.tensor(np.r_[rotation, translation_mm], dtype=torch.float32)
        parameters.requires_grad_()
        pose = self._motion_in_ras(parameters) @ self._start
        moving = self._drr(RigidTransform(pose))[0, 0]
        loss = multiscale_ncc_loss(moving, self._fixed)
        loss.backward()
        return loss.item(), parameters.grad.numpy().astype(float)

    def _motion_in_ras(self, parameters):
        x, y, z = parameters[:3]
        zero = torch.zeros(())
        hat = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
        turn = torch.linalg.matrix_exp(hat)
        shift = self._centre_mm + parameters[3:] - turn @ self._centre_mm
        upper = torch.cat([self._axes @ turn @ self._axes, (self._axes @ shift)[:, None]], 1)
        return torch.cat([upper, torch.tensor([[0.0, 0.0, 0.0, 1.0]])])


def left_jacobian(rotation):
    """
    Return J [3, 3] with exp(w + dw) ~ exp(J dw) exp(w).

    Source: Sola et al., "A micro Lie theory for state estimation in robotics", eq. 145; the
    translation part of the se(3) exponential is the same matrix.
    """
    columns = [se3.exp(np.r_[axis, rotation])[:3, 3] for axis in np.eye(3)]
    return np.stack(columns, 1)
