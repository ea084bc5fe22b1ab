"""
A trained encoder as a similarity that Levenberg-Marquardt can minimise.

The moving image is pushed through the encoder together with its six Jacobian images, so that
every location's point moves with the pose exactly (forward-mode derivatives).  Gradient and
Gauss-Newton Hessian follow from the manifold; the rest of the registration does not know that a
network is involved.
"""

import numpy as np
import torch
from torch.nn import functional

from xray_registration.learned.tangents import pushed
from xray_registration.learned.whole_image import WHOLE
from xray_registration.similarity.linearisation import Linearisation, image_parts

# A location counts when at least this share of the pixels under it may be used.
_MIN_SHARE = 0.75

# Cost below which a location counts as explained: 1 - cos(60 degrees).
_AGREES = 0.5


class LearnedSimilarity:
    """Mean over locations of the distance of encoded images on a manifold."""

    def __init__(self, encoder, manifold, stride, fixed, mask):
        """
        Take an Encoder or a WholeImage in evaluation mode, a manifold, one of its strides, and

        fixed, mask    [C, H, W] or [H, W], and [H, W] bool; sides that are no multiples of 16 are
                       cut
        """
        self._encoder, self._manifold, self._stride = encoder, manifold, stride
        weights = next(encoder.parameters())
        self._like = {'dtype': weights.dtype, 'device': weights.device}
        height, width = (16 * (n // 16) for n in mask.shape)
        self._crop = np.s_[..., :height, :width]
        self._mask = self._tensor(mask)
        # The whole image counts whatever is masked.
        used = torch.ones_like(self._mask[:1, :1])
        if stride != WHOLE:
            share = functional.avg_pool2d(self._mask[None, None], stride)[0, 0]
            used = (share >= _MIN_SHARE).to(share)
        self._weight = used / used.sum().clamp(min=1)
        with torch.no_grad():
            self._fixed = self._point(self._prepared(self._channels(fixed)))

    def _tensor(self, image):
        return torch.as_tensor(np.ascontiguousarray(image[self._crop]), **self._like)

    def _channels(self, image):
        return self._tensor(image.reshape(-1, *image.shape[-2:]))

    def _prepared(self, image):
        """Return images [..., C, H, W] with what is masked at the mean of the rest."""
        count = self._mask.sum().clamp(min=1)
        mean = (image * self._mask).sum((-2, -1), keepdim=True) / count
        return torch.where(self._mask > 0, image, mean)

    def _point(self, image):
        return self._manifold.point(self._encoder(image[None])[self._stride])

    def _costs(self, point):
        return self._manifold.cost(point, self._fixed)[0]

    def _evaluated(self, moving):
        with torch.no_grad():
            return self._costs(self._point(self._prepared(self._channels(moving))))

    def cost(self, moving):
        """Return the cost of a moving image [C, H, W] or [H, W]: 0 is perfect."""
        return float((self._weight * self._evaluated(moving)).sum())

    def similarity(self, moving):
        """Return 1 - cost: the mean cosine on the sphere."""
        return 1.0 - self.cost(moving)

    def agreement(self, moving):
        """Return the share of locations whose points are less than 60 degrees apart."""
        return float((self._weight * (self._evaluated(moving) < _AGREES)).sum())

    def linearise(self, moving, jacobian):
        """Return the Linearisation at a moving image [C, H, W] with Jacobian [C, H, W, 6]."""
        image = self._prepared(self._channels(moving))
        columns = self._prepared_columns(jacobian)

        with torch.no_grad():
            point, moved = pushed(self._point, image, columns)
        point.requires_grad_()
        with torch.enable_grad():
            costs = self._costs(point)
            pull = torch.autograd.grad(costs.sum(), point)[0]
        moved = moved[:, 0]  # [6, C, h, w]
        parts = self._weight * (moved * pull).sum(1)
        metric = self._weight * self._manifold.metric(point.detach())[0]
        flat = moved.flatten(2)
        hessian = torch.einsum('icn,jcn,n->ij', flat, flat, metric.flatten())
        parts = image_parts(parts.permute(1, 2, 0).cpu().numpy().astype(float))
        return Linearisation(
            float((self._weight * costs.detach()).sum()),
            parts.sum(0),
            hessian.cpu().numpy().astype(float),
            parts,
        )

    def _prepared_columns(self, jacobian):
        """Return the Jacobian as six images [6, C, H, W]; what is masked follows the mean."""
        channels = jacobian.reshape(-1, *jacobian.shape[-3:])
        return self._prepared(self._tensor(np.moveaxis(channels, -1, 0)))
