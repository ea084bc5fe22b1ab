"""Rendering along short rays: opacity, order, and independence of the number of samples."""

import numpy as np
import pytest
import torch

from surg_invnerf.model.render import composite, sample_depths

BAND_M = 3e-3


def slab(samples, front_m, density, depth_m=0.08):
    """Render one ray through empty space and, from front_m on, a uniform red slab."""
    depths = sample_depths(torch.tensor([depth_m]), torch.tensor([BAND_M]), samples)
    inside = (depths >= front_m).float()
    colour = torch.stack([inside, 0 * inside, 1 - inside], -1)
    canonical = torch.stack([depths, depths, depths], -1)
    spacing = torch.tensor([2 * BAND_M / samples])
    return composite(depths, spacing, colour, density * inside, canonical)


def test_depths_lie_in_the_middles_of_equal_bins():
    depths = sample_depths(torch.tensor([0.05]), torch.tensor([0.004]), 4)[0]
    np.testing.assert_allclose(depths, [0.047, 0.049, 0.051, 0.053], atol=1e-8)


def test_jitter_stays_in_its_bin():
    jitter = torch.rand(100, 6, generator=torch.Generator().manual_seed(0))
    depths = sample_depths(torch.full((100,), 0.05), torch.full((100,), 0.003), 6, jitter)
    assert (depths.diff(dim=1) > 0).all()
    assert depths.min() >= 0.047 and depths.max() <= 0.053


@pytest.mark.parametrize('density', (0.5, 5.0))
def test_opacity_is_that_of_beer_and_lambert(density):
    rendering = slab(64, 0.08, density)
    assert rendering.opacity[0] == pytest.approx(1 - np.exp(-density * 3.0), rel=1e-5)


def test_an_opaque_slab_is_seen_at_its_front_in_its_colour():
    rendering = slab(600, 0.0792, 200.0)
    assert rendering.depth_m[0] == pytest.approx(0.0792, abs=2e-5)
    np.testing.assert_allclose(rendering.colour[0], [1, 0, 0], atol=1e-5)
    np.testing.assert_allclose(rendering.canonical[0], 0.0792, atol=2e-5)
    assert rendering.spread_m[0] < 2e-5


def test_more_samples_do_not_move_the_surface():
    coarse, fine = (slab(n, 0.0791, 2.0).depth_m[0].item() for n in (12, 96))
    # A slab's mean depth: front + 1/density within the band; half a sample of discretisation.
    assert coarse == pytest.approx(fine, abs=BAND_M / 12)


def test_an_empty_ray_stays_finite():
    rendering = slab(8, 1.0, 0.0)
    assert rendering.opacity[0] == 0
    assert all(torch.isfinite(value).all() for value in vars(rendering).values())
