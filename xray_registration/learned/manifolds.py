"""
Where features live, and how far apart two of them are.

The encoder gives a free vector phi per location; a manifold makes a point Phi of it.  On the
sphere the distance is bounded and the cost is exactly least squares, 1 - Phi_m . Phi_f =
1/2 |Phi_m - Phi_f|^2.  The flat and the hyperbolic space are there to be compared with.

Source: Chen and Kong, WACV 2026 (the sphere; EXP about the north pole and the limit of the norm
are our choice); Nickel and Kiela, NIPS 2017 (Poincare ball).
"""

import math

import torch

# Below this norm n, sin(n)/n and its like come from their series: the quotient loses digits, and
# its derivative at 0 is not a number.
_SMALL = 1e-3

# Half a turn apart, two features could not be farther; no norm may come near the south pole.
_LIMIT = math.pi / 2

# Points this near to the ball's edge would be infinitely far away in float32.
_EDGE = 1e-5


def bounded(phi, limit=_LIMIT):
    """Return features [B, C, H, W] whose norm is limited softly: n becomes limit tanh(n/limit)."""
    return phi * _tanh_over(phi / limit)


class Sphere:
    """The unit sphere S^C: Phi = (sin(n)/n phi, cos n) with n = |phi| at most pi/2."""

    @staticmethod
    def point(phi):
        """Return Phi [B, C+1, H, W] of features phi [B, C, H, W]: EXP at the north pole."""
        phi = bounded(phi)
        squared, norm, small = _norm(phi)
        sinc = torch.where(small, 1 - squared / 6, torch.sin(norm) / norm)
        cosine = torch.where(small, 1 - squared / 2, torch.cos(norm))
        return torch.cat([sinc * phi, cosine], 1)

    @staticmethod
    def cost(moving, fixed):
        """Return 1 - Phi_m . Phi_f per location [B, H, W], written without cancellation."""
        return 0.5 * (moving - fixed).square().sum(1)

    @staticmethod
    def metric(moving):
        """Return the weight of |d Phi|^2 in the Gauss-Newton model, [B, H, W]."""
        return torch.ones_like(moving[:, 0])


class Euclidean:
    """The flat space: Phi = phi, cost 1/2 |phi_m - phi_f|^2."""

    @staticmethod
    def point(phi):
        """Return phi [B, C, H, W] as it is."""
        return phi

    cost = Sphere.cost
    metric = Sphere.metric


class Hyperbolic:
    """The Poincare ball: Phi = tanh(n)/n phi, cost half the squared geodesic distance."""

    @staticmethod
    def point(phi):
        """Return Phi [B, C, H, W] within the unit ball: EXP at its centre."""
        return (1 - _EDGE) * phi * _tanh_over(phi)

    @staticmethod
    def cost(moving, fixed):
        """Return half the squared distance per location [B, H, W]."""
        apart = (moving - fixed).square().sum(1)
        room = (1 - moving.square().sum(1)) * (1 - fixed.square().sum(1))
        # arcosh(1 + 2 q) = 2 arsinh(sqrt q), and its square is smooth at q = 0.
        q = apart / room
        near = q < _SMALL
        root = torch.sqrt(torch.where(near, torch.ones_like(q), q))
        return 2 * torch.where(near, q - q * q / 3, torch.asinh(root).square())

    @staticmethod
    def metric(moving):
        """Return the squared conformal factor [B, H, W]."""
        return (2 / (1 - moving.square().sum(1))).square()


MANIFOLDS = {'spherical': Sphere, 'euclidean': Euclidean, 'hyperbolic': Hyperbolic}


def _tanh_over(phi):
    """Return tanh(n)/n [B, 1, H, W]."""
    squared, norm, small = _norm(phi)
    return torch.where(small, 1 - squared / 3, torch.tanh(norm) / norm)


def _norm(phi):
    """
    Return (n^2, n, where n is small), each [B, 1, H, W]; n is 1 where it is small.

    The root has no derivative at 0, so what is small has to be written in n^2.
    """
    squared = phi.square().sum(1, keepdim=True)
    small = squared < _SMALL**2
    return squared, torch.sqrt(torch.where(small, 1.0, squared)), small
