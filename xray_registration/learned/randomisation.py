"""
Domain randomisation: what a simulated X-ray may look like, so that a real one looks like one more.

Images are in [0, 1].  Each transform is drawn with its own probability, and the image is clamped
after each.  "Times the maximum" refers to the image's largest value.

Source: Chen and Kong, WACV 2026, for the transforms and their ranges; the last five, which imitate
what a C-arm does, are ours.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True)
class RandomisationConfig:
    """
    Probability of each transform; the first seven are the source's.

    share   of the images that are transformed at all: some as they are make a hard task learnable
    """

    share: float = 1.0
    smoothing: float = 0.5
    noise: float = 0.5
    bounds: float = 0.5
    scale: float = 0.5
    gamma: float = 0.5
    sine: float = 0.5
    erasing: float = 0.5
    scatter: float = 0.3
    blur: float = 0.3
    quantum_noise: float = 0.5
    collimation: float = 0.3
    wires: float = 0.2


def randomised(image, config, generator):
    """
    Return images [B, 1, H, W] in [0, 1] after random transforms, each image by its own draw.

    generator    torch.Generator on the CPU: the same seed gives the same images
    """
    return torch.stack([_one(picture, config, generator) for picture in image])


def _one(image, config, generator):
    draw = Draw(generator)
    if draw(0, 1) >= config.share:
        return image
    for name, transform in TRANSFORMS.items():
        if draw(0, 1) < getattr(config, name):
            image = transform(image, draw).clamp(0, 1)
    return image


class Draw:
    """Uniform numbers as plain floats."""

    def __init__(self, generator):
        self.generator = generator

    def __call__(self, low, high):
        return low + (high - low) * torch.rand((), generator=self.generator).item()

    def whole(self, low, high):
        """Return an integer in [low, high]."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def normal(self, like):
        """Return normal noise in the shape of a tensor."""
        return torch.randn(like.shape, generator=self.generator).to(like)


def smoothing(image, draw):
    """Average over 3x3 or 5x5 pixels."""
    side = 3 + 2 * draw.whole(0, 1)
    return functional.avg_pool2d(_padded(image, side // 2), side, stride=1)


def noise(image, draw):
    """Add Gaussian noise; a negative scale, which is as likely, is none."""
    scale = max(0.0, draw(-0.15, 0.1)) * image.max()
    return image + scale * draw.normal(image)


def bounds(image, draw):
    """Map [0, max] to other bounds: below by -0.04 to 0.02, above by 0.9 to 1.05, times it."""
    top = image.max().clamp(min=1e-6)
    low, high = draw(-0.04, 0.02) * top, draw(0.9, 1.05) * top
    return low + (high - low) * image / top


def scale(image, draw):
    """Multiply by 0.9 to 1.05."""
    return draw(0.9, 1.05) * image


def gamma(image, draw):
    """Raise to a power of 0.7 to 1.3."""
    # The root has no derivative at 0.
    return image.clamp(min=1e-6) ** draw(0.7, 1.3)


def sine(image, draw):
    """Return a sin(b x + c): a and b within 0.8 and 1.1, c within -0.5 and 0.4."""
    a, b, c = draw(0.8, 1.1), draw(0.8, 1.1), draw(-0.5, 0.4)
    return a * torch.sin(b * image + c)


def erasing(image, draw):
    """Fill a rectangle of 2 to 40 % of the area with the mean."""
    height, width = image.shape[-2:]
    area = draw(0.02, 0.4) * height * width
    aspect = math.exp(draw(math.log(0.3), math.log(1 / 0.3)))
    h = min(height, max(1, round(math.sqrt(area * aspect))))
    w = min(width, max(1, round(math.sqrt(area / aspect))))
    top, left = draw.whole(0, height - h), draw.whole(0, width - w)
    erased = image.clone()
    erased[..., top : top + h, left : left + w] = image.mean()
    return erased


def scatter(image, draw):
    """Lay a veil of 10 to 50 % over it: the image, blurred by 0.1 to 0.2 of its width."""
    share = draw(0.1, 0.5)
    return (1 - share) * image + share * _blurred(image, draw(0.1, 0.2) * image.shape[-1])


def blur(image, draw):
    """Blur by the focal spot and the scintillator: 0.3 to 1.5 pixels."""
    return _blurred(image, draw(0.3, 1.5))


def quantum_noise(image, draw):
    """
    Add the noise of 5e3 to 1e5 photons, behind up to five attenuation lengths.

    In line integrals it grows with the root of the attenuation.
    """
    photons = math.exp(draw(math.log(5e3), math.log(1e5)))
    integrals = draw(3.0, 5.0) * image
    sigma = torch.exp(0.5 * integrals) / math.sqrt(photons)
    return image + sigma / 5 * draw.normal(image)


def collimation(image, draw):
    """Close shutters by up to a quarter of each side, to the darkest or the brightest value."""
    height, width = image.shape[-2:]
    dark = image.detach().max().item() if draw(0, 1) < 0.5 else 0.0
    edges = [draw(0, 0.25) for _ in range(4)]
    kept = torch.zeros_like(image, dtype=torch.bool)
    kept[
        ...,
        round(edges[0] * height) : height - round(edges[1] * height),
        round(edges[2] * width) : width - round(edges[3] * width),
    ] = True
    return torch.where(kept, image, dark)


def wires(image, draw):
    """Draw one to three straight wires or screws: opaque, 1 to 4 % of the width across."""
    height, width = image.shape[-2:]
    v, u = torch.meshgrid(
        torch.arange(height).to(image), torch.arange(width).to(image), indexing='ij'
    )
    for _ in range(draw.whole(1, 3)):
        angle, middle = draw(0, math.pi), (draw(0, width), draw(0, height))
        du, dv = u - middle[0], v - middle[1]
        along = math.cos(angle) * du + math.sin(angle) * dv
        across = -math.sin(angle) * du + math.cos(angle) * dv
        inside = (across.abs() < draw(0.005, 0.02) * width) & (
            along.abs() < draw(0.05, 0.4) * width
        )
        image = torch.where(inside, image.max(), image)
    return image


TRANSFORMS = {
    function.__name__: function
    for function in (
        smoothing,
        noise,
        bounds,
        scale,
        gamma,
        sine,
        erasing,
        scatter,
        blur,
        quantum_noise,
        collimation,
        wires,
    )
}


def _padded(image, margin):
    return functional.pad(image[None], (margin,) * 4, mode='replicate')[0]


def _blurred(image, sigma):
    """Blur an image [1, H, W] with a Gaussian, carried on at its borders."""
    radius = min(max(1, math.ceil(3 * sigma)), min(image.shape[-2:]) - 1)
    t = torch.arange(-radius, radius + 1).to(image)
    kernel = torch.exp(-0.5 * (t / sigma) ** 2)
    kernel = kernel / kernel.sum()
    blurred = functional.conv2d(_padded(image, radius)[None], kernel.reshape(1, 1, 1, -1))
    return functional.conv2d(blurred, kernel.reshape(1, 1, -1, 1))[0]
