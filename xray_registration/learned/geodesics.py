"""
How far apart two poses are, differentiably: on se(3), and on SO(4).

Poses are carm_from_ct, recentred so that a rotation turns about the isocentre and translations
are small: the C-arm at its nominal distance has t = 0.  Both distances are in mm and weigh a
rotation by the same lever, 2 f: at f = 1020 mm a degree counts as 35.6 mm.

se(3): the length of LOG(B^-1 A).  SO(4): H = [[R, t/2f], [-t^T R/2f, 1]], the chord |H_A - H_B|_F
times sqrt(2) f.  H is orthogonal to second order in t/2f; the polar factor makes it exactly so.

Source: Chen and Kong, WACV 2026; Thomas, J. Mech. Robotics 2014 (rigid motions in SO(4)).
"""

import math

import torch

# Below this angle the closed forms of EXP and LOG lose digits; their series do not.
_SMALL_RAD = 1e-2

# Rotations this near to half a turn have no direction that their matrix still tells.
_MAX_RAD = math.radians(175.0)

GEODESICS = ('so4', 'se3')


def recentred(carm_from_ct, isocentre_m, distance_m):
    """
    Return poses [B, 4, 4] with `ct` about the isocentre and the camera at it.

    isocentre_m    [3] in `ct`
    distance_m     nominal distance from the source to the isocentre
    """
    pose = carm_from_ct.clone()
    pose[..., :3, 3] = carm_from_ct[..., :3, :3] @ isocentre_m + carm_from_ct[..., :3, 3]
    pose[..., 2, 3] -= distance_m
    return pose


def distance_mm(a, b, kind, focal_mm, polar=False):
    """
    Return the distance [B] in mm between recentred poses [B, 4, 4] (m).

    kind        'so4' or 'se3'
    focal_mm    f, which weighs rotations against translations
    polar       project H onto SO(4) first
    """
    if kind == 'se3':
        twist = log(inverse(b) @ a)
        lever_m = 2e-3 * focal_mm
        return 1e3 * _length(torch.cat([twist[..., :3], lever_m * twist[..., 3:]], -1))
    if kind != 'so4':
        raise ValueError(f'geodesic is {kind!r}, expected one of {", ".join(GEODESICS)}')
    difference = rotation4(a, focal_mm, polar) - rotation4(b, focal_mm, polar)
    return math.sqrt(2) * focal_mm * _length(difference.flatten(-2))


def rotation4(pose, focal_mm, polar=False):
    """Return the 4D rotation [B, 4, 4] that stands for a recentred pose [B, 4, 4] (m)."""
    rotation = pose[..., :3, :3]
    t = pose[..., :3, 3:] / (2e-3 * focal_mm)
    top = torch.cat([rotation, t], -1)
    corner = torch.ones_like(t[..., :1, :])
    bottom = torch.cat([-t.transpose(-1, -2) @ rotation, corner], -1)
    h = torch.cat([top, bottom], -2)
    if not polar:
        return h
    # Newton's iteration for the polar factor; SVD has no second derivative where values meet,
    # and near a rotation all of them do.
    for _ in range(6):
        h = 0.5 * (h + torch.linalg.inv(h).transpose(-1, -2))
    return h


def exp(xi):
    """Map twists [B, 6] (m, rad) to transforms [B, 4, 4]; the torch twin of geometry.se3.exp."""
    v, w = xi[..., :3, None], xi[..., 3:]
    squared = w.square().sum(-1)[..., None, None]
    small = squared < _SMALL_RAD**2
    angle = torch.sqrt(torch.where(small, 1.0, squared))
    a = torch.where(small, 1 - squared / 6 + squared**2 / 120, torch.sin(angle) / angle)
    b = torch.where(
        small, 0.5 - squared / 24 + squared**2 / 720, (1 - torch.cos(angle)) / angle**2
    )
    c = torch.where(
        small,
        1 / 6 - squared / 120 + squared**2 / 5040,
        (angle - torch.sin(angle)) / angle**3,
    )
    k = hat(w)
    kk = k @ k
    eye = torch.eye(3, dtype=xi.dtype, device=xi.device)
    top = torch.cat([eye + a * k + b * kk, (eye + b * k + c * kk) @ v], -1)
    return _with_last_row(top)


def log(transform):
    """Map transforms [B, 4, 4] to twists [B, 6] (m, rad), for angles below 175 degrees."""
    rotation = transform[..., :3, :3]
    skew = 0.5 * (rotation - rotation.transpose(-1, -2))
    axis = torch.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], -1)
    cosine = 0.5 * (rotation.diagonal(dim1=-2, dim2=-1).sum(-1, keepdim=True) - 1)
    if (cosine < math.cos(_MAX_RAD)).any():
        raise ValueError('poses are turned by more than 175 degrees against each other')
    squared = axis.square().sum(-1, keepdim=True)  # sin^2
    small = (squared < _SMALL_RAD**2) & (cosine > 0)
    sine = torch.sqrt(torch.where(small, 1.0, squared))
    series = 1 + squared / 6 + 3 * squared**2 / 40 + 5 * squared**3 / 112
    w = axis * torch.where(small, series, torch.atan2(sine, cosine) / sine)
    squared = w.square().sum(-1)[..., None, None]
    small = squared < _SMALL_RAD**2
    angle = torch.sqrt(torch.where(small, 1.0, squared))
    half = 0.5 * angle
    d = torch.where(
        small,
        1 / 12 + squared / 720 + squared**2 / 30240,
        (1 - half / torch.tan(half)) / angle**2,
    )
    k = hat(w)
    eye = torch.eye(3, dtype=transform.dtype, device=transform.device)
    v = (eye - 0.5 * k + d * (k @ k)) @ transform[..., :3, 3:]
    return torch.cat([v[..., 0], w], -1)


def hat(w):
    """Return the cross-product matrices [B, 3, 3] of vectors [B, 3]."""
    x, y, z = w.unbind(-1)
    o = torch.zeros_like(x)
    return torch.stack([o, -z, y, z, o, -x, -y, x, o], -1).reshape(*w.shape[:-1], 3, 3)


def inverse(transform):
    """Invert rigid transforms [B, 4, 4]."""
    back = transform[..., :3, :3].transpose(-1, -2)
    return _with_last_row(torch.cat([back, -back @ transform[..., :3, 3:]], -1))


def _with_last_row(top):
    last = torch.zeros_like(top[..., :1, :])
    last[..., 3] = 1
    return torch.cat([top, last], -2)


def _length(vector):
    """Return |v| [B], with a derivative of 0 at 0."""
    squared = vector.square().sum(-1)
    zero = squared == 0
    return torch.where(zero, squared, torch.sqrt(torch.where(zero, 1.0, squared)))
