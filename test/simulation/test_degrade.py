"""Every effect of the detector model against the statistics that it claims."""

import numpy as np
import pytest

from surgical_perception.errors import InputError
from xray_registration.simulation import degrade as d
from xray_registration.views import line_integrals


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(scope='module')
def phantom():
    """Line integrals of a dense disc in thinner tissue [96, 128]."""
    v, u = np.mgrid[:96, :128]
    return 2.0 + 3.0 * (np.hypot(u - 60, v - 50) < 25)


def test_without_effects_the_counts_are_the_line_integrals(phantom, rng):
    counts = d.degrade(phantom, d.DegradeConfig(), rng)
    assert counts.dtype == np.uint16 and counts.shape == phantom.shape
    recovered = line_integrals(counts, 'raw')
    np.testing.assert_allclose(recovered, phantom - phantom.min(), atol=2e-3)


def test_scatter_is_its_fraction_of_the_energy_and_lifts_the_dark(phantom):
    primary = np.exp(-phantom)
    detected = d.add_scatter(primary, 0.25, 0.1)
    assert 1 - primary.sum() / detected.sum() == pytest.approx(0.25, abs=1e-6)
    veil = detected - primary
    assert veil.max() / veil.min() < 0.3 * primary.max() / primary.min()
    assert np.log(detected).std() < 0.8 * np.log(primary).std()


@pytest.mark.parametrize('fraction', [-0.1, 1.0])
def test_an_impossible_scatter_fraction_is_refused(fraction, phantom):
    with pytest.raises(InputError, match='scatter_fraction'):
        d.add_scatter(phantom, fraction, 0.1)


@pytest.mark.parametrize('photons', [50.0, 1e4])
def test_noise_is_poisson(photons, rng):
    signal = np.array([0.25, 1.0, 2.0])[:, None, None] * np.ones((3, 200, 200))
    noisy = d.add_noise(signal, photons, rng)
    for flat, value in zip(noisy, (0.25, 1.0, 2.0), strict=True):
        # 40000 pixels: the mean is known to 0.5 % of the SD, the variance to 0.7 %
        assert flat.mean() == pytest.approx(value, abs=5 * np.sqrt(value / photons) / 200)
        assert flat.var() == pytest.approx(value / photons, rel=0.04)


def test_blur_spreads_an_edge_by_its_sigma(rng):
    edge = np.broadcast_to(np.where(np.arange(200) < 100, 0.0, 1.0), (40, 200))
    counts = d.degrade(edge, d.DegradeConfig(blur_px=3.0), rng).astype(float)
    spread = -np.diff(counts.mean(0))
    spread /= spread.sum()
    position = np.arange(spread.size)
    mean = (spread * position).sum()
    assert np.sqrt((spread * (position - mean) ** 2).sum()) == pytest.approx(3.0, rel=0.03)


def test_gain_and_offset_stay_in_their_ranges(rng):
    flat = np.ones((8, 8))
    config = d.DegradeConfig(gain_spread=0.3, max_offset=0.05)
    means = np.array([d.degrade(flat, config, rng).mean() for _ in range(300)]) / 8000
    assert 0.7 <= means.min() < 0.75
    assert 1.3 < means.max() <= 1.3 * 1.05
    pedestals = [
        d.degrade(flat, d.DegradeConfig(max_offset=0.05), rng).mean() / 8000 for _ in range(300)
    ]
    assert 1.0 <= min(pedestals) < 1.005
    assert 1.045 < max(pedestals) <= 1.05 + 1e-3


def test_gamma_scales_the_line_integrals(phantom, rng):
    config = d.DegradeConfig(gamma_spread=0.2)
    slopes = []
    for _ in range(50):
        recovered = line_integrals(d.degrade(phantom, config, rng), 'raw')
        slopes.append(np.ptp(recovered) / np.ptp(phantom))
        assert np.corrcoef(recovered.ravel(), phantom.ravel())[0, 1] > 0.9999
    assert 0.8 <= min(slopes) < 0.85 and 1.15 < max(slopes) < 1.21


def test_collimation_closes_a_border_and_nothing_else(rng):
    closed_shares = []
    for _ in range(100):
        out = d.collimate(np.ones((100, 200)), 0.2, 0.02, rng)
        is_open = out == 1.0
        assert set(np.unique(out)) <= {0.02, 1.0}
        rows, columns = is_open.any(1), is_open.any(0)
        assert np.array_equal(is_open, rows[:, None] & columns[None, :])
        closed_shares += [rows.argmax() / 100, columns.argmax() / 200]
    assert max(closed_shares) <= 0.2 and max(closed_shares) > 0.18
    assert np.mean(closed_shares) == pytest.approx(0.1, abs=0.02)


def test_quantisation_rounds_and_saturates():
    raw = d.quantise(np.array([0.0, 1.0, 1.0 + 0.4 / 8000, 100.0]))
    assert raw.tolist() == [0, 8000, 8000, 65535]


@pytest.mark.parametrize('name', d.PRESETS)
def test_presets_keep_the_anatomy_and_are_reproducible(name, phantom):
    config = d.preset(name)
    counts = d.degrade(phantom, config, np.random.default_rng(1))
    assert np.array_equal(counts, d.degrade(phantom, config, np.random.default_rng(1)))
    assert not np.array_equal(counts, d.degrade(phantom, config, np.random.default_rng(2)))
    middle = (slice(16, -16), slice(20, -20))  # inside of any collimation
    seen = line_integrals(counts, 'raw')[middle]
    assert np.corrcoef(seen.ravel(), phantom[middle].ravel())[0, 1] > 0.95


def test_presets_get_harder(phantom):
    def error(name):
        image = line_integrals(d.degrade(phantom, d.preset(name), np.random.default_rng(1)), 'raw')
        image, truth = image[12:-12, 16:-16].ravel(), phantom[12:-12, 16:-16].ravel()
        return 1 - np.corrcoef(image, truth)[0, 1]

    assert error('harder') > 3 * error('standard')


def test_an_unknown_preset_is_refused():
    with pytest.raises(InputError, match="'easy'"):
        d.preset('easy')
