"""Metal is masked with its rim; anatomy is not."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from xray_bodies import SIZE, body

from xray_registration.masks.outliers import find_outliers
from xray_registration.simulation import obstructions
from xray_registration.simulation.degrade import degrade, preset
from xray_registration.views import line_integrals

OPEN = np.ones((SIZE, SIZE), bool)


def seen(image, seed, degradation='standard'):
    raw = degrade(image, preset(degradation), np.random.default_rng([seed, 3]))
    return line_integrals(raw, 'raw')


@pytest.mark.parametrize('name', ['implants', 'instruments'])
@pytest.mark.parametrize('seed', [1, 2, 3])
def test_simulated_metal_on_a_real_body_is_masked(pelvis_xrays, name, seed):
    rng = np.random.default_rng(seed)
    image, metal = obstructions.obstruct(pelvis_xrays[seed % 3], obstructions.preset(name), rng)
    found = find_outliers(seen(image, seed), OPEN)
    assert found[metal].mean() > 0.97
    # The rim of blur and safety: as wide as wires are, and so several times their area.
    assert found[~metal].mean() < 0.1


@pytest.mark.parametrize('degradation', ['standard', 'harder'])
def test_a_body_without_metal_loses_almost_nothing(pelvis_xrays, degradation):
    for seed, image in enumerate(pelvis_xrays):
        assert find_outliers(seen(image, seed, degradation), OPEN).mean() < 0.02
    for seed in range(4):
        assert find_outliers(seen(body(seed=seed), seed, degradation), OPEN).mean() < 0.001


def test_noise_alone_is_no_metal():
    rng = np.random.default_rng(0)
    noise = 2 + 0.1 * rng.standard_normal((SIZE, SIZE))
    assert not find_outliers(noise.astype(np.float32), OPEN).any()


def test_a_soft_lump_as_dense_as_metal_is_anatomy():
    v, u = np.mgrid[:SIZE, :SIZE]
    lump = 1.5 * np.exp(-0.5 * ((u - 130) ** 2 + (v - 120) ** 2) / 9.0**2)
    assert not find_outliers((body() + lump).astype(np.float32), OPEN).any()


def test_the_edge_of_what_is_open_is_no_metal():
    image, is_open = body(), OPEN.copy()
    is_open[:, 200:] = False
    image[~is_open] += 4.0
    assert not find_outliers(image, is_open).any()


def test_a_wire_is_masked_at_every_resolution():
    for size in (128, 256, 512):
        image = body((size, size))
        v, u = np.mgrid[:size, :size] * 256 / size
        wire = np.abs(0.8 * (u - 120) - 0.6 * (v - 100)) < 1.0
        blurred = gaussian_filter(image + np.float32(1.2) * wire, 0.5 * size / 256)
        found = find_outliers(blurred, np.ones(image.shape, bool))
        assert found[wire].mean() > 0.99, size
        assert found[~wire].mean() < 0.06, size
