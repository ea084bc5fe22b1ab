"""
Gradient correlation as least squares on the sphere.

The two derivatives of the image, taken through a Gaussian, are compared by global NCC each, and
their mean is the similarity (Penney et al., IEEE TMI 17:586, 1998).  Soft tissue and scatter vary
slowly and hardly enter.  The derivative of a Gaussian is linear, so the Gauss-Newton model is that
of the global NCC on filtered images and filtered Jacobian columns.
"""

import cv2
import numpy as np

from xray_registration.similarity.global_ncc import GlobalNcc
from xray_registration.similarity.linearisation import Linearisation

# The kernel ends where the Gaussian has fallen to a hundredth.
_TRUNCATE = 3.0


class GradientNcc:
    """Mean over the two derivatives of 1 - NCC, and its Gauss-Newton model."""

    def __init__(self, fixed, mask, patch, robust_scale=None):
        """
        Take the fixed image [H, W], a mask [H, W] bool and the kernel's side in pixels (odd).

        The Gaussian's standard deviation is a sixth of that side.  A location is used where the
        whole kernel lies in the mask; `robust_scale` does not apply.
        """
        radius = patch // 2
        t = np.arange(-radius, radius + 1, dtype=np.float64) * _TRUNCATE / max(radius, 1)
        smooth = np.exp(-0.5 * t * t)
        self._smooth = smooth / smooth.sum()
        self._slope = t * smooth / max(float((t * t * smooth).sum()), 1e-12)
        inside = cv2.erode(
            mask.astype(np.uint8),
            np.ones((patch, patch), np.uint8),
            borderType=cv2.BORDER_CONSTANT,
            borderValue=0,
        )
        self._parts = [GlobalNcc(d, inside > 0) for d in self._derivatives(fixed)]

    def _derivatives(self, image):
        """Return the derivatives along u and v of an image [H, W] or columns [H, W, C]."""
        image = np.asarray(image, np.float32)
        return (
            cv2.sepFilter2D(image, -1, self._slope, self._smooth),
            cv2.sepFilter2D(image, -1, self._smooth, self._slope),
        )

    def cost(self, moving):
        """Return the cost of a moving image [H, W]: 0 is perfect."""
        derivatives = self._derivatives(moving)
        costs = [part.cost(d) for part, d in zip(self._parts, derivatives, strict=True)]
        return float(np.mean(costs))

    def similarity(self, moving):
        """Return the gradient correlation, 1 is perfect."""
        return 1.0 - self.cost(moving)

    def agreement(self, moving):
        """Return the share of the two derivatives that correlate by more than 0.5."""
        derivatives = self._derivatives(moving)
        costs = [part.cost(d) for part, d in zip(self._parts, derivatives, strict=True)]
        return float(np.mean(np.array(costs) < 0.5))

    def linearise(self, moving, jacobian):
        """Return the Linearisation at a moving image [H, W] with Jacobian [H, W, 6]."""
        models = [
            part.linearise(image, columns)
            for part, image, columns in zip(
                self._parts, self._derivatives(moving), self._derivatives(jacobian), strict=True
            )
        ]
        return Linearisation(*(0.5 * (a + b) for a, b in zip(*models, strict=True)))
