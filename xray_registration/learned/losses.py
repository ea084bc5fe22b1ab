"""
Losses that shape a similarity so that Levenberg-Marquardt descends to the true pose.

"Double backward": the gradient of the similarity by the pose is compared with that of the
geodesic distance to the truth, and the difference is differentiated again by the weights.  Where
both point the same way, every step leads home.  Directions of translation and rotation are
compared separately, since their units differ; a small term asks for proportional lengths.

The landing loss asks where one damped Gauss-Newton step ends, the decomposition loss what the
features of two images have in common.

Source: Chen and Kong, WACV 2026 (double backward); Gao et al., MICCAI 2020, and later ProST-m
(separate directions); Zhao et al., CVPR 2023, and Chen et al., ISBI 2024 (decomposition).  The
length term and the landing loss are ours.
"""

import torch
from torch.nn.functional import cosine_similarity

from xray_registration.learned import geodesics

_LENGTH_WEIGHT = 0.05
_TINY = 1e-12

# A correlation of -1 must not divide by 0.
_ABOVE_ONE = 1.01


def geodesic_gradient(carm_from_ct, truth, isocentre_m, distance_m, kind, focal_mm, polar=False):
    """
    Return the gradient [B, 6] of the distance to the truth by xi, in mm per m and per rad.

    carm_from_ct, truth    [B, 4, 4] (m); xi moves as in `render`: ct_from_carm by its left
                           increment about the isocentre in `ct` axes
    """
    with torch.enable_grad():
        xi = torch.zeros(
            *carm_from_ct.shape[:-2], 6, dtype=carm_from_ct.dtype, device=carm_from_ct.device
        ).requires_grad_()
        pose = moved(carm_from_ct.detach(), xi, isocentre_m)
        distance = geodesics.distance_mm(
            geodesics.recentred(pose, isocentre_m, distance_m),
            geodesics.recentred(truth, isocentre_m, distance_m),
            kind,
            focal_mm,
            polar,
        )
        return torch.autograd.grad(distance.sum(), xi)[0]


def moved(carm_from_ct, xi, isocentre_m):
    """Return poses [B, 4, 4] after ct_from_carm was moved by twists [B, 6] about the isocentre."""
    to = torch.eye(4, dtype=xi.dtype, device=xi.device)
    to[:3, 3] = isocentre_m
    return carm_from_ct @ to @ geodesics.exp(-xi) @ geodesics.inverse(to)


def direction_loss(gradient, wanted):
    """
    Return the loss [B] of a similarity's gradient [B, 6] against a geodesic's: 0 is parallel.

    Both are by the same xi; 2 is opposite.
    """
    loss = 0
    for part in (slice(0, 3), slice(3, 6)):
        mine, theirs = gradient[..., part], wanted[..., part]
        loss = loss + 0.5 * (1 - cosine_similarity(mine, theirs, dim=-1, eps=_TINY))
        ratio = _log_length(mine) - _log_length(theirs)
        loss = loss + _LENGTH_WEIGHT * (ratio - ratio.mean()).square()
    return loss


def landing_loss(
    gradient, hessian, carm_from_ct, truth, isocentre_m, distance_m, kind, focal_mm, damping=1e-3
):
    """
    Return the distance to the truth [B] in mm after one damped Gauss-Newton step.

    gradient    [B, 6]; hessian [B, 6, 6] of the similarity by xi
    """
    scale = hessian.diagonal(dim1=-2, dim2=-1)
    damped = hessian + torch.diag_embed(damping * scale + _TINY)
    xi = -torch.linalg.solve(damped, gradient[..., None])[..., 0]
    pose = moved(carm_from_ct, xi, isocentre_m)
    return geodesics.distance_mm(
        geodesics.recentred(pose, isocentre_m, distance_m),
        geodesics.recentred(truth, isocentre_m, distance_m),
        kind,
        focal_mm,
    )


def decomposition_loss(moving, fixed):
    """
    Return the loss [B] of features [B, C, h, w] whose first half is to be what two images share.

    The squared correlation of the second halves, over that of the first ones: detail may differ
    between an X-ray and a DRR, the whole should not.
    """
    half = moving.shape[1] // 2
    low = _correlation(moving[:, :half], fixed[:, :half])
    high = _correlation(moving[:, half:], fixed[:, half:])
    return high.square() / (low + _ABOVE_ONE)


def _correlation(a, b):
    """Return the correlation over locations, mean over channels, [B] of [B, C, h, w]."""
    a, b = (x.flatten(2) - x.flatten(2).mean(2, keepdim=True) for x in (a, b))
    return cosine_similarity(a, b, dim=2, eps=_TINY).mean(1)


def _log_length(vector):
    return 0.5 * torch.log(vector.square().sum(-1) + _TINY)
