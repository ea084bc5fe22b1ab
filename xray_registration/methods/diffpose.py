"""
The refinement of DiffPose: Adam on multiscale NCC, through the differentiable renderer.

L(w, t) is the mean over views of the multiscale NCC loss of X-ray and DRR, w the rotation vector
about the isocentre and t the translation, both in `ct` axes.  The renderer's exact Jacobian turns
autograd's derivative by the image into one by the pose.

Source: Gopalakrishnan et al., "Intraoperative 2D/3D image registration via differentiable X-ray
rendering", CVPR 2024.  Where there a network gives the start, here any start does.
"""

import numpy as np
import torch

from surgical_perception.geometry import se3
from xray_registration.drr import render
from xray_registration.methods.multiscale_ncc import MultiscaleNcc
from xray_registration.pyramid import bin_factor, binned_view
from xray_registration.solvers.adam import minimise, motion

# At half this size the patches of 13 pixels reach so far that the optimum itself lies 1-2 mm
# beside the truth.
_IMAGE_SIZE, _VOXEL_MM = 256, 1.4


def estimate(request):
    """Run the method on a Request; return an Estimate.  Raises InputError without a start."""
    start = request.required_start()
    problem = RenderedLoss(
        request.views,
        request.volumes.at(_VOXEL_MM),
        start,
        request.isocentre_m,
        _IMAGE_SIZE,
        request.config.backend,
    )
    found = minimise(problem.loss_and_gradient, start, request.isocentre_m, request.interrupt)
    return request.estimate_at(found.ct_from_reference, found.status, found.steps)


class RenderedLoss:
    """The loss over all views, and its gradient, at poses around a start."""

    def __init__(self, views, volume, ct_from_reference, isocentre_m, image_size, backend='auto'):
        """Take Views, an AttenuationVolume, the start [4, 4] and the longer side to bin to."""
        self._volume, self._backend = volume, backend
        self._start, self._isocentre_m = ct_from_reference, isocentre_m
        self._terms = []
        for view in views:
            image, mask, camera = binned_view(view, bin_factor(view.camera, image_size))
            loss = MultiscaleNcc(image, mask)
            self._terms.append((loss, mask, camera, view.camera_from_reference))

    def loss_and_gradient(self, rotation, translation_mm):
        """Return the loss and its gradient [6] by rotation (rad) and translation (mm)."""
        reference_from_ct = se3.inverse(
            motion(rotation, translation_mm, self._isocentre_m) @ self._start
        )
        loss, by_twist = 0.0, np.zeros(6)
        for multiscale_ncc, mask, camera, camera_from_reference in self._terms:
            rendering = render(
                self._volume,
                camera,
                camera_from_reference @ reference_from_ct,
                'continuum',
                mask,
                # About the moved centre, turning does not shift: the columns separate.
                isocentre_m=self._isocentre_m + 1e-3 * translation_mm,
                backend=self._backend,
            )
            moving = torch.from_numpy(rendering.image[0]).requires_grad_()
            cost = multiscale_ncc(moving)
            cost.backward()
            loss += cost.item() / len(self._terms)
            by_pixel = moving.grad.numpy().ravel() / len(self._terms)
            by_twist += by_pixel @ rendering.jacobian[0].reshape(-1, 6)
        by_rotation = left_jacobian(rotation).T @ by_twist[3:]
        return loss, np.r_[by_rotation, 1e-3 * by_twist[:3]]


def left_jacobian(rotation):
    """
    Return J [3, 3] with exp(w + dw) ~ exp(J dw) exp(w).

    Source: Sola et al., "A micro Lie theory for state estimation in robotics", eq. 145; the
    translation part of the se(3) exponential is the same matrix.
    """
    columns = [se3.exp(np.r_[axis, rotation])[:3, 3] for axis in np.eye(3)]
    return np.stack(columns, 1)
