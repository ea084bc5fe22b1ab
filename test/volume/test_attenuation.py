"""Hounsfield units to attenuation, and coarser grids that keep place and mass."""

import numpy as np
import pytest
from volume_files import OBLIQUE, lps_affine_m

from surgical_perception.errors import InputError
from xray_registration.volume.attenuation import (
    MU_WATER_PER_M,
    AttenuationConfig,
    AttenuationVolume,
    attenuation_from_ct,
)
from xray_registration.volume.ct_image import CtImage

HU = np.array([-3000, -1000, -999, -500, -130, 0, 349, 350, 351, 1000, 3000], np.int16)


def ct_of(values, labels=None, is_hu=True):
    values = np.asarray(values)[None, None]
    labels = None if labels is None else np.asarray(labels)[None, None]
    return CtImage(values, np.eye(4), 'ct.nii', '', labels, is_hu)


def mu(values, mask=None, is_hu=True, **config):
    ct = ct_of(values, mask, is_hu)
    return attenuation_from_ct(ct, AttenuationConfig(**config)).mu_per_m[0, 0]


def test_water_and_air():
    np.testing.assert_allclose(mu([0, -1000, -3000]), [MU_WATER_PER_M, 0, 0], atol=1e-6)


def test_mapping_is_linear_above_air():
    expected = 20 * np.maximum(0, 1 + HU / 1000)
    np.testing.assert_allclose(mu(HU, mu_water_per_m=20.0), expected, rtol=1e-6, atol=1e-5)


def test_lower_cut_drops_fat_and_air_only():
    cut = mu(HU, lower_hu=-130)
    np.testing.assert_array_equal(cut, np.where(HU < -130, 0, mu(HU)))


def test_bone_multiplier_starts_above_350_hu():
    ratio = mu(HU, bone_multiplier=1.5)[HU > -1000] / mu(HU)[HU > -1000]
    np.testing.assert_allclose(ratio, np.where(HU[HU > -1000] > 350, 1.5, 1), rtol=1e-6)


def test_labels_keep_their_voxels():
    mask = np.arange(HU.size)
    kept = mu(HU, mask, labels=(7, 9))
    np.testing.assert_array_equal(kept, np.where(np.isin(mask, (7, 9)), mu(HU), 0))


def test_labels_without_a_mask_are_refused():
    with pytest.raises(InputError, match=r'ct\.nii: labels \(7,\)'):
        mu(HU, labels=(7,))


def test_other_units_map_their_range():
    values = np.array([0, 51, 255], np.int16)
    np.testing.assert_allclose(mu(values, is_hu=False, mu_water_per_m=10.0), [0, 6, 30], rtol=1e-6)
    np.testing.assert_array_equal(mu([7, 7], is_hu=False), [0, 0])


def test_the_ct_is_left_as_it_was():
    ct = ct_of(HU.copy())
    attenuation_from_ct(ct, AttenuationConfig(lower_hu=-130, bone_multiplier=2.0))
    np.testing.assert_array_equal(ct.hu[0, 0], HU)


# An anisotropic, oblique grid; 30 x 24 x 18 voxels of 1 x 1.5 x 2 mm.
SIZE = np.array([30, 24, 18])
AFFINE = lps_affine_m(OBLIQUE, [1.0, 1.5, 2.0])


def volume_of(values):
    return AttenuationVolume(np.asarray(values, np.float32), AFFINE)


def places(volume):
    """World position of every voxel [Z, Y, X, 3] (m)."""
    z, y, x = np.indices(volume.mu_per_m.shape)
    index = np.stack([x, y, z, np.ones_like(x)], -1)
    return (index @ volume.ct_from_index.T)[..., :3]


@pytest.mark.parametrize('spacing_mm', [0.7, 1.0, 2.0, 2.8, 5.6])
def test_resampled_grid_lies_where_it_was(spacing_mm):
    volume = volume_of(np.zeros(SIZE[::-1]))
    coarse = volume.resampled(spacing_mm * 1e-3)
    np.testing.assert_allclose(coarse.spacing_m, spacing_mm * 1e-3, rtol=1e-12)
    np.testing.assert_allclose(coarse.isocentre_m, volume.isocentre_m, atol=1e-12)
    axes = coarse.ct_from_index[:3, :3] / coarse.spacing_m
    np.testing.assert_allclose(axes, OBLIQUE, atol=1e-12)
    # It neither leaves the old grid nor loses more than one coarse voxel of it.
    lost = (SIZE - 1) * volume.spacing_m - (np.array(coarse.size) - 1) * coarse.spacing_m
    assert (lost > -1e-12).all()
    assert (lost < spacing_mm * 1e-3).all()


@pytest.mark.parametrize('spacing_mm', [0.7, 2.0, 2.8])
def test_linear_ramp_is_reproduced(spacing_mm):
    """Neither the blur nor the interpolation shifts anything, in any direction."""
    slope = np.array([40.0, -70.0, 110.0])
    volume = volume_of(np.zeros(SIZE[::-1]))
    ramp = volume_of(5 + places(volume) @ slope)
    coarse = ramp.resampled(spacing_mm * 1e-3)
    # The blur reaches 3 sigma: at the border it sees the ramp bend.
    margin = int(np.ceil(1.5 * 2.8 / spacing_mm)) + 1
    inner = (slice(margin, -margin),) * 3
    expected = 5 + places(coarse) @ slope
    assert coarse.mu_per_m[inner].size > 20
    np.testing.assert_allclose(coarse.mu_per_m[inner], expected[inner], atol=2e-5)


@pytest.mark.parametrize('spacing_mm', [1.0, 2.8, 4.0])
def test_mass_and_centre_of_a_ball_are_kept(spacing_mm):
    volume = volume_of(np.zeros(SIZE[::-1]))
    offset = places(volume) - volume.isocentre_m - [1e-3, -2e-3, 1.5e-3]
    ball = volume_of(np.clip((9e-3 - np.linalg.norm(offset, axis=-1)) / 1e-3, 0, 1))
    coarse = ball.resampled(spacing_mm * 1e-3)

    def mass_and_centre(v):
        weights = v.mu_per_m.astype(float)
        centre = np.einsum('zyx,zyxi->i', weights, places(v)) / weights.sum()
        return weights.sum() * np.prod(v.spacing_m), centre

    mass, centre = mass_and_centre(ball)
    coarse_mass, coarse_centre = mass_and_centre(coarse)
    assert coarse_mass == pytest.approx(mass, rel=0.02)
    # Sampling a ball of three voxels' radius; a shift by the grid would be half a voxel.
    np.testing.assert_allclose(coarse_centre, centre, atol=0.05e-3 * spacing_mm)


def test_stripes_finer_than_the_coarse_grid_vanish():
    """Of the period of the coarse grid, they would all be hit at the same phase."""
    stripes = np.zeros(SIZE[::-1])
    stripes[:, :, 0::4] = stripes[:, :, 1::4] = 1
    inner = volume_of(stripes).resampled(4e-3).mu_per_m[:, :, 1:-1]
    np.testing.assert_allclose(inner, 0.5, atol=0.05)


def test_a_volume_smaller_than_one_coarse_voxel_becomes_one():
    coarse = volume_of(np.full(SIZE[::-1], 3.0)).resampled(0.1)
    assert coarse.size == (1, 1, 1)
    np.testing.assert_allclose(coarse.mu_per_m, 3)
