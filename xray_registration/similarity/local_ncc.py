"""
Local normalised cross-correlation as least squares on the sphere.

At location x, Phi(x) is the patch around x, mean-removed and divided by its norm.  A small eps in
the norm keeps flat patches near the sphere's centre, where two flat patches agree: noise in air
and beside the body then weighs nothing.  The Gauss-Newton model is exact over all patch elements;
no patch is ever formed, since sums over patches of products of images are box filters, and the
gradient is one image h with g = sum_y J(y) h(y) by the box filter's self-adjointness.

Masks enter every box filter (normalised convolution, Knutsson and Westin 1993), so a masked pixel
influences no patch.
"""

import cv2
import numpy as np

from xray_registration.similarity.linearisation import Linearisation, image_parts

# Variance below which a patch counts as flat, as a share of the image's variance: 3 % of its
# contrast, above the quantum noise of a low-dose shot at the pixel sizes that are used here.
_FLAT_VARIANCE = 1e-3

# Local NCC above which a location counts as explained; unrelated anatomy has it in half of them.
_AGREES = 0.5

# A patch must keep this share of its pixels: a corner patch keeps 28 %.
_MIN_PATCH_SHARE = 0.25


class LocalNcc:
    """Mean over locations of the (robust) squared distance on the sphere, halved."""

    def __init__(self, fixed, mask, patch=15, robust_scale=1.0):
        """
        Take the fixed image [H, W], a mask [H, W] bool and the patch side in pixels.

        `robust_scale` is Huber's threshold on |Phi_moving - Phi_fixed|: 1 is where the local NCC
        falls to 0.5.  Beyond it a location (a tool, a wire) pulls with constant force only.
        """
        self._patch = patch
        self._robust_scale = robust_scale
        self._mask = mask.astype(np.float32)
        count = self._box(self._mask)
        valid = mask & (count >= _MIN_PATCH_SHARE * patch * patch)
        self._weight = valid / np.float32(max(valid.sum(), 1))
        self._count = np.maximum(count, 1.0)
        self._fixed, self._fixed_mean, variance, _ = self._statistics(fixed)
        self._fixed_norm = np.sqrt(variance + np.float32(_FLAT_VARIANCE))
        self._fixed_length2 = variance / (variance + np.float32(_FLAT_VARIANCE))

    def _box(self, image):
        size = (self._patch, self._patch)
        return cv2.boxFilter(image, -1, size, normalize=False, borderType=cv2.BORDER_CONSTANT)

    def _statistics(self, image):
        """Return the masked image at unit variance, its patch means and variances, its scale."""
        total = max(float(self._mask.sum()), 1.0)
        mean = float((image * self._mask).sum(dtype=np.float64)) / total
        scaled = (image - np.float32(mean)) * self._mask
        scale = float(np.sqrt(np.square(scaled, dtype=np.float64).sum() / total)) or 1.0
        scaled /= np.float32(scale)
        patch_mean = self._box(scaled) / self._count
        patch_variance = self._box(scaled * scaled) / self._count - patch_mean * patch_mean
        return scaled, patch_mean, np.maximum(patch_variance, 0), scale

    def _compare(self, moving):
        """Return what cost and gradient need of a moving image, per location."""
        image, mean, variance, scale = self._statistics(moving)
        norm = np.sqrt(variance + np.float32(_FLAT_VARIANCE))
        length2 = variance / (norm * norm)
        product = self._box(image * self._fixed) / self._count - mean * self._fixed_mean
        dot = product / (norm * self._fixed_norm)
        distance = np.sqrt(np.maximum(length2 + self._fixed_length2 - 2 * dot, 0))
        return image, mean, norm, length2, dot, distance, scale

    def _robust_cost(self, distance):
        k = np.float32(self._robust_scale)
        rho = np.where(distance < k, 0.5 * distance * distance, k * (distance - 0.5 * k))
        return float((self._weight * rho).sum(dtype=np.float64))

    def cost(self, moving):
        """Return the cost of a moving image [H, W]."""
        return self._robust_cost(self._compare(moving)[-2])

    def similarity(self, moving):
        """Return the mean local NCC over the locations that have structure in the fixed image."""
        *_, dot, _, _ = self._compare(moving)
        weight = self._weight * self._fixed_length2
        return float((weight * dot).sum(dtype=np.float64) / max(weight.sum(), 1e-12))

    def agreement(self, moving):
        """Return the share of the structure in the fixed image whose local NCC is above 0.5."""
        *_, dot, _, _ = self._compare(moving)
        weight = self._weight * self._fixed_length2
        agreeing = float(weight[dot > _AGREES].sum(dtype=np.float64))
        return agreeing / max(float(weight.sum(dtype=np.float64)), 1e-12)

    def linearise(self, moving, jacobian):
        """Return the Linearisation at a moving image [H, W] with Jacobian [H, W, C]."""
        image, mean, norm, length2, dot, distance, scale = self._compare(moving)
        columns = jacobian * (self._mask / np.float32(scale))[..., None]
        robust = self._robust_scale / np.maximum(distance, self._robust_scale)
        weight = self._weight * robust.astype(np.float32)
        inverse2 = 1 / (norm * norm)

        # g_i = sum of w [cov(I, J_i)/s^2 (1 - |Phi_m|^2 + Phi_m.Phi_f) - cov(F, J_i)/(s s_f)]
        towards_moving = weight * inverse2 * (1 - length2 + dot) / self._count
        towards_fixed = weight / (norm * self._fixed_norm * self._count)
        pull = image * self._box(towards_moving) - self._box(towards_moving * mean)
        pull -= self._fixed * self._box(towards_fixed)
        pull += self._box(towards_fixed * self._fixed_mean)
        parts = image_parts(columns * pull[..., None], self._patch)

        # H_ij = sum of w [cov(J_i, J_j)/s^2 - (2 - |Phi_m|^2) cov(I, J_i) cov(I, J_j)/s^4]
        column_mean = self._box(columns) / self._count[..., None]
        covariance = self._box(columns * image[..., None]) / self._count[..., None]
        covariance -= column_mean * mean[..., None]
        per_pixel = self._box(weight * inverse2 / self._count)
        hessian = _gram(columns, per_pixel)
        hessian -= _gram(column_mean, weight * inverse2)
        hessian -= _gram(covariance, weight * inverse2 * inverse2 * (2 - length2))
        return Linearisation(
            self._robust_cost(distance),
            parts.sum(0, dtype=float),
            hessian,
            parts.astype(float),
        )


def _gram(columns, weight):
    """Return sum over pixels of weight * columns columns^T as float64 [C, C]."""
    flat = columns.reshape(-1, columns.shape[-1])
    return (flat.T @ (flat * weight.reshape(-1, 1))).astype(float)
