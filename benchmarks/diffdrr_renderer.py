"""Loss and pose gradient of one X-ray through DiffDRR, for the optimiser of method diffpose."""

import numpy as np
import torch
from diffdrr.pose import RigidTransform

from surgical_perception.geometry import se3
from surgical_perception.geometry.frames import RAS_FROM_LPS
from xray_registration.methods.multiscale_ncc import MultiscaleNcc
from xray_registration.pyramid import bin_factor, binned_view
from xray_registration.simulation.siddon import diffdrr_module, diffdrr_pose


class DiffDrrRenderer:
    """Multiscale NCC by autograd through DiffDRR's trilinear renderer (faster than its Siddon)."""

    def __init__(self, view, volume, ct_from_carm, image_size):
        """Take a View, an AttenuationVolume, the start [4, 4] and the longer side to bin to."""
        image, mask, camera = binned_view(view, bin_factor(view.camera, image_size))
        self._loss = MultiscaleNcc(image, mask)
        self._drr = diffdrr_module(volume, camera, 'trilinear')
        self._start = diffdrr_pose(se3.inverse(ct_from_carm)).matrix[0]
        self._axes = torch.from_numpy(RAS_FROM_LPS[:3, :3]).float()
        self._centre_mm = torch.from_numpy(1e3 * volume.isocentre_m).float()

    def loss_and_gradient(self, rotation, translation_mm):
        """Return the loss and its gradient [6] by rotation (rad) and translation (mm)."""
        parameters = torch.tensor(np.r_[rotation, translation_mm], dtype=torch.float32)
        parameters.requires_grad_()
        pose = self._motion_in_ras(parameters) @ self._start
        moving = self._drr(RigidTransform(pose))[0, 0]
        loss = self._loss(moving)
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
