"""
Global normalised cross-correlation: one location whose patch is the whole image.

It has the widest basin and ignores where the structure is, so it opens the pyramid; as a last
level it is biased by scatter (1.6 mm), so it never ends it.
"""

import numpy as np

from xray_registration.similarity.linearisation import Linearisation, image_parts


class GlobalNcc:
    """1 - NCC(moving, fixed) over the mask, and its Gauss-Newton model."""

    def __init__(self, fixed, mask, patch=None, robust_scale=None):
        """Take the fixed image [H, W] and a mask [H, W] bool; other arguments do not apply."""
        self._mask = mask.astype(np.float32)
        self._count = max(float(self._mask.sum()), 1.0)
        self._phi_fixed = self._encoded(fixed)[0]

    def _encoded(self, image):
        """Return (Phi [H, W], the norm that was divided out)."""
        mean = float((image * self._mask).sum(dtype=np.float64)) / self._count
        centred = (image - np.float32(mean)) * self._mask
        norm = float(np.sqrt(np.square(centred, dtype=np.float64).sum()))
        return centred / np.float32(max(norm, 1e-12)), norm

    def cost(self, moving):
        """Return 1 - NCC of a moving image [H, W]."""
        return 1.0 - float((self._encoded(moving)[0] * self._phi_fixed).sum(dtype=np.float64))

    def similarity(self, moving):
        """Return the NCC, 1 is perfect."""
        return 1.0 - self.cost(moving)

    def agreement(self, moving):
        """Return 1 where the NCC is above 0.5, else 0: the image is one location."""
        return float(self.cost(moving) < 0.5)

    def linearise(self, moving, jacobian):
        """Return the Linearisation at a moving image [H, W] with Jacobian [H, W, C]."""
        phi, norm = self._encoded(moving)
        weighted = jacobian * self._mask[..., None]
        weighted -= self._mask[..., None] * (weighted.sum((0, 1)) / np.float32(self._count))
        columns = weighted.reshape(-1, jacobian.shape[2])
        columns -= np.outer(phi.ravel(), phi.ravel() @ columns)
        columns /= np.float32(max(norm, 1e-12))
        difference = (phi - self._phi_fixed).ravel()
        parts = image_parts((columns * difference[:, None]).reshape(jacobian.shape))
        return Linearisation(
            0.5 * float(difference @ difference),
            (difference @ columns).astype(float),
            (columns.T @ columns).astype(float),
            parts.astype(float),
        )
