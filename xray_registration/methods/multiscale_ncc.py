"""
The multiscale normalised cross-correlation of DiffPose: whole image and patches, with autograd.

L = 1 - (NCC + mean over patches of NCC) / 2, with all patches of 13 x 13 pixels.  A mask enters
every mean (normalised convolution), so that a masked pixel influences no patch.

Source: Gopalakrishnan et al., "Intraoperative 2D/3D image registration via differentiable X-ray
rendering", CVPR 2024 (equal weights, size of the patches); the mask is ours.
"""

import torch
from torch.nn.functional import avg_pool2d

from surgical_perception.errors import InputError

PATCH = 13

# Keeps the correlation of flat patches finite, relative to the variance of the whole image.
_FLAT_VARIANCE = 1e-4

# The root has no derivative at 0, and an image that the CT has left is flat.
_EPS = 1e-12

# A patch counts where at least this share of its pixels may be used.
_MIN_SHARE = 0.5


class MultiscaleNcc:
    """The loss of moving images [H, W] against a fixed one: 0 is perfect, 1 is unrelated."""

    def __init__(self, fixed, mask):
        """
        Take the fixed image [H, W] and a mask [H, W] bool.

        Raises InputError for an image that is smaller than a patch.
        """
        if min(fixed.shape) < PATCH:
            height, width = fixed.shape
            raise InputError(
                f'the X-ray is {width}x{height} pixels, smaller than the patches of {PATCH} that '
                'this method compares: take method lm'
            )
        self._mask = torch.from_numpy(mask.astype(fixed.dtype))
        self._count = self._mask.sum().clamp(min=1)
        share = _pooled(self._mask)
        valid = (share >= _MIN_SHARE).to(share)
        self._weight = valid / valid.sum().clamp(min=1)
        self._share = share.clamp(min=_MIN_SHARE)
        self._fixed = self._standardised(torch.from_numpy(fixed))
        self._fixed_mean, self._fixed_variance = self._patches(self._fixed)

    def __call__(self, moving):
        """Return the loss of a moving image [H, W], all of it tensors."""
        moving = self._standardised(moving)
        mean, variance = self._patches(moving)
        covariance = self._patch_mean(moving * self._fixed) - mean * self._fixed_mean
        scale = (variance + _FLAT_VARIANCE) * (self._fixed_variance + _FLAT_VARIANCE)
        patches = (self._weight * covariance / scale.sqrt()).sum()
        return 1 - 0.5 * ((moving * self._fixed).sum() / self._count + patches)

    def _standardised(self, image):
        """Return an image with mean 0 and variance 1 over the mask, and 0 beyond."""
        centred = (image - (image * self._mask).sum() / self._count) * self._mask
        return centred / torch.sqrt(centred.square().sum() / self._count + _EPS)

    def _patches(self, image):
        mean = self._patch_mean(image)
        # Rounding may leave a flat patch a variance just below 0, and its root is none.
        return mean, (self._patch_mean(image * image) - mean * mean).clamp(min=0)

    def _patch_mean(self, image):
        return _pooled(image) / self._share


def _pooled(image):
    return avg_pool2d(image[None, None], PATCH, stride=1)[0, 0]
