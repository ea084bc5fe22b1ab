"""
Other anatomy around a segmented bone, which an X-ray shows and its CT does not hold.

Line integrals of simple bodies: a limb of soft tissue, shafts with their marrow, and a group of
small bones.  They look like anatomy in no detail; what a network has to learn is that anything may
lie around the bone, and over it.  Lengths are shares of the image's width.
"""

import math

import torch

from xray_registration.learned.randomisation import Draw


def with_surroundings(images, generator):
    """
    Lay a limb, up to two shafts and up to six small bones over images [B, 1, H, W].

    generator    torch.Generator on the CPU: the same seed gives the same images
    """
    draw = Draw(generator)
    return torch.stack([_surrounded(image, draw) for image in images])


def _surrounded(image, draw):
    height, width = image.shape[-2:]
    v, u = torch.meshgrid(
        (torch.arange(height).to(image) + 0.5 - height / 2) / width,
        (torch.arange(width).to(image) + 0.5) / width - 0.5,
        indexing='ij',
    )
    about, among = (draw(-0.4, 0.4), draw(-0.5, 0.5)), draw(0.2, 2.0) * _limb(u, v, draw)
    for _ in range(draw.whole(0, 2)):
        among = among + draw(0.2, 0.8) * _shaft(u, v, draw)
    for _ in range(draw.whole(0, 6)):
        among = among + draw(0.2, 0.8) * _small_bone(u, v, about, draw)
    return image + image.max().clamp(min=1e-6) * among


def _limb(u, v, draw):
    across, _ = _turned(u - draw(-0.25, 0.25), v, draw(-0.5, 0.5))
    return _chord(across / draw(0.15, 0.6))


def _shaft(u, v, draw):
    across, along = _turned(u - draw(-0.5, 0.5), v, draw(-0.6, 0.6))
    image = _hollow(across / draw(0.03, 0.09), draw(0.4, 0.85), draw(0.2, 0.8))
    # Half of them end somewhere in the image.
    return image * (along > draw(-1.0, 0.5)) if draw(0, 1) < 0.5 else image


def _small_bone(u, v, about, draw):
    middle = about[0] + draw(-0.25, 0.25), about[1] + draw(-0.25, 0.25)
    across, along = _turned(u - middle[0], v - middle[1], draw(0, math.pi))
    radius = torch.sqrt((across / draw(0.04, 0.12)) ** 2 + (along / draw(0.04, 0.12)) ** 2)
    return _hollow(radius, draw(0.6, 0.95), draw(0.2, 0.8))


def _turned(u, v, angle):
    """Return coordinates (across, along) of a direction `angle` beside the vertical."""
    cos, sin = math.cos(angle), math.sin(angle)
    return cos * u - sin * v, sin * u + cos * v


def _hollow(x, inner, missing):
    """Return chords of a body of radius 1 that lacks a share of its density within `inner`."""
    return _chord(x) - missing * inner * _chord(x / inner)


def _chord(x):
    """Return the share of a diameter that a ray at distance x from the axis runs within."""
    return torch.sqrt((1 - x * x).clamp(min=0))
