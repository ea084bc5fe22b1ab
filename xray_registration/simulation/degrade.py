"""
From ideal line integrals to what a flat-panel detector delivers: scatter, blur, noise, gain.

Every effect is one function, applied in the order in which the physics has it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from surgical_perception.errors import InputError

# The exposure control aims at this raw value; the detector saturates at 65535, 8 times above.
_MEAN_COUNTS = 8000.0
_MAX_COUNTS = np.iinfo(np.uint16).max


@dataclass(frozen=True)
class DegradeConfig:
    """What stands between line integrals and raw counts; the defaults change nothing but scale."""

    scatter_fraction: float = 0.0  # scattered share of the detected energy, in [0, 1)
    scatter_sigma: float = 0.15  # spread of the scatter veil, in image widths
    blur_px: float = 0.0  # Gaussian sigma of focal spot and scintillator
    photons: float = 0.0  # mean detected per pixel; 0 is free of noise
    gain_spread: float = 0.0  # random gain in 1 +- this
    max_offset: float = 0.0  # random pedestal up to this share of the mean signal
    gamma_spread: float = 0.0  # random exponent in 1 +- this
    max_collimation: float = 0.0  # every shutter closes by up to this share of the image
    shutter_transmission: float = 0.02  # what a closed shutter still lets through


PRESETS = {
    'demo': DegradeConfig(
        scatter_fraction=0.2, blur_px=0.4, photons=2e4, gain_spread=0.3, max_offset=0.02
    ),
    'standard': DegradeConfig(scatter_fraction=0.25, photons=1e4, gain_spread=0.3),
    'harder': DegradeConfig(
        scatter_fraction=0.35,
        blur_px=0.8,
        photons=1e3,
        gain_spread=0.5,
        max_offset=0.05,
        gamma_spread=0.2,
    ),
    'collimated': DegradeConfig(
        scatter_fraction=0.25, photons=1e4, gain_spread=0.3, max_collimation=0.15
    ),
}


def preset(name):
    """Return the DegradeConfig of that name; raises InputError for an unknown one."""
    if name not in PRESETS:
        raise InputError(f'no preset {name!r} of degradation, expected one of {list(PRESETS)}')
    return PRESETS[name]


def degrade(line_integrals, config, rng):
    """
    Turn line integrals [H, W] into raw counts [H, W] uint16 (bone dark), as `raw` images are.

    `rng` (numpy Generator) draws noise and the random settings: the same state, the same image.
    """
    intensity = np.exp(-np.asarray(line_integrals, float))
    intensity = add_scatter(intensity, config.scatter_fraction, config.scatter_sigma)
    intensity = collimate(intensity, config.max_collimation, config.shutter_transmission, rng)
    if config.blur_px > 0:
        intensity = gaussian_filter(intensity, config.blur_px, mode='nearest')
    signal = add_noise(intensity / intensity.mean(), config.photons, rng)
    signal = signal + rng.uniform(0, config.max_offset)
    signal = signal ** _around_one(config.gamma_spread, rng)
    return quantise(signal * _around_one(config.gain_spread, rng))


def add_scatter(intensity, fraction, sigma):
    """
    Add a veil, a blurred copy of the primary image, that is `fraction` of the detected energy.

    `sigma` is in image widths.  The veil lifts dark regions most, which is what biases
    global similarities.
    """
    if not 0 <= fraction < 1:
        raise InputError(f'scatter_fraction is {fraction:g}, expected a share in [0, 1)')
    if fraction == 0:
        return intensity
    veil = gaussian_filter(intensity, sigma * intensity.shape[1], mode='reflect')
    return intensity + fraction / (1 - fraction) * veil


def collimate(intensity, max_collimation, transmission, rng):
    """Close the four shutters, each by a random share of the image up to `max_collimation`."""
    if max_collimation == 0:
        return intensity
    height, width = intensity.shape
    top, bottom, left, right = rng.uniform(0, max_collimation, 4)
    rows = slice(round(top * height), height - round(bottom * height))
    columns = slice(round(left * width), width - round(right * width))
    out = intensity * transmission
    out[rows, columns] = intensity[rows, columns]
    return out


def add_noise(signal, photons, rng):
    """Draw Poisson counts for a relative signal [H, W], `photons` of them where it is 1."""
    return rng.poisson(signal * photons) / photons if photons > 0 else signal


def quantise(signal):
    """Digitise a relative signal to 16 bits; what exceeds the range saturates."""
    return np.clip(np.round(signal * _MEAN_COUNTS), 0, _MAX_COUNTS).astype(np.uint16)


def _around_one(spread, rng):
    return 1 + rng.uniform(-spread, spread)
