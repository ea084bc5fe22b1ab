"""Blank X-rays are told from anatomy before any search, at any dose."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.config import GateConfig
from xray_registration.structure import structure
from xray_registration.views import View

CAMERA = PinholeCamera.from_carm(192, 160, 1000.0, 1.5)
LIMIT = GateConfig().min_structure
V, U = np.mgrid[-1:1:160j, -1:1:192j].astype(np.float32)


def of(image, mask=None):
    return structure(View(np.asarray(image, np.float32), CAMERA, mask=mask))


def bones(seed=0):
    """Blobs about as large as vertebrae, with contrast 1."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=U.shape), 6)
    return noise / noise.std()


def noise(scale, seed=1):
    return scale * np.random.default_rng(seed).normal(size=U.shape)


@pytest.mark.parametrize(
    'image',
    [
        np.zeros(U.shape),
        np.full(U.shape, 3.0),
        1.0 + 0.5 * U - 0.3 * V,
        2.0 - 0.4 * U * U - 0.2 * V * V,
        noise(1.0),
        0.4 * U + 0.1 * U * U + noise(0.02),
        np.log(np.random.default_rng(2).poisson(3, U.shape) + 1.0),
    ],
    ids=['zero', 'constant', 'slope', 'water', 'noise', 'heel effect', 'dark'],
)
def test_what_shows_no_patient_has_no_structure(image):
    assert of(image) < LIMIT


@given(seed=st.integers(0, 1000), noise_scale=st.floats(0, 1.5), gain=st.floats(1e-3, 1e3))
def test_anatomy_has_structure_under_noise_as_strong_as_itself(seed, noise_scale, gain):
    image = bones(seed) + noise(noise_scale, seed + 1)
    assert of(gain * image) > LIMIT
    # Gain and offset of the detector say nothing about what is in the image.
    assert of(gain * image + 7 * gain) == pytest.approx(of(image), abs=1e-3)


def test_what_is_masked_does_not_count():
    mask = np.zeros(U.shape, bool)
    mask[:, :96] = True
    half = np.where(mask, noise(1.0), 50 * bones())
    assert of(half) > LIMIT
    assert of(half, mask) < LIMIT
    assert of(bones(), np.zeros(U.shape, bool)) == 0
