"""Bodies that look like X-rays, and what is closed or stuck in front of them."""

import numpy as np
from scipy.ndimage import gaussian_filter

SIZE = 256
MIDDLE = (SIZE - 1) / 2


def body(shape=(SIZE, SIZE), seed=0):
    """
    Line integrals [H, W] with the contrasts of a trunk: smooth organs, softer-edged bones.

    Sizes follow the longer side, so the same body may be had at any resolution.
    """
    unit = max(shape) / 256
    rng = np.random.default_rng(seed)
    side = 256
    organs = gaussian_filter(rng.standard_normal((side, side)), 25)
    bones = gaussian_filter(rng.standard_normal((side, side)), 4)
    trabeculae = gaussian_filter(rng.standard_normal((side, side)), 1.2)
    image = 3 + 0.7 * organs / organs.std() + 0.12 * bones / bones.std()
    image = image + 0.02 * trabeculae / trabeculae.std()
    v, u = (np.arange(n) / unit for n in shape)
    rows, columns = (np.clip(x, 0, side - 1).astype(int) for x in (v, u))
    return gaussian_filter(image[rows[:, None], columns], 0.5 * unit).astype(np.float32)


def shut(image, is_open, transmission=0.03, blur_px=1.0):
    """Close what is not open; scatter and a blurred edge as a collimator has them."""
    light = gaussian_filter(is_open.astype(float), blur_px)
    counts = np.exp(-image) * (transmission + (1 - transmission) * light)
    counts = counts + 0.15 * gaussian_filter(counts, 0.15 * SIZE)
    rng = np.random.default_rng(0)
    return -np.log(rng.poisson(counts / counts.mean() * 5000 + 1)).astype(np.float32)


def polygon(angle_deg, offsets):
    """Open pixels [H, W] between four leaves around the middle."""
    v, u = np.mgrid[:SIZE, :SIZE] - MIDDLE
    angle = np.deg2rad(angle_deg)
    x, y = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
    left, right, top, bottom = offsets
    return (x > -left) & (x < right) & (y > -top) & (y < bottom)


def disc(centre, radius):
    v, u = np.mgrid[:SIZE, :SIZE]
    return np.hypot(u - centre[0], v - centre[1]) < radius


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()
