"""One call from an X-ray to its mask, whatever its size, scale and content."""

import dataclasses

import cv2
import numpy as np
import pytest
from xray_bodies import MIDDLE, SIZE, body, disc, overlap, shut

from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.config import MaskConfig
from xray_registration.masks.automatic import automatic_mask, with_masks
from xray_registration.views import View, line_integrals


def view_of(image, mask=None):
    height, width = image.shape
    return View(image, PinholeCamera.from_carm(width, height, 1000.0, 1.0), mask=mask)


def obstructed(seed=0):
    """A circle, a bar and a plate before a body; returns image and the usable pixels."""
    v, u = np.mgrid[:SIZE, :SIZE]
    bar = np.abs((u - 90) * 0.8 + (v - 90) * 0.6) < 5
    plate = (np.abs(u - 150) < 40) & (np.abs(v - 170) < 7)
    is_open = disc((MIDDLE, MIDDLE), 115)
    image = shut(body(seed=seed) + 3.0 * bar + 2.0 * plate, is_open)
    return image, is_open & ~bar & ~plate


def test_collimator_and_metal_are_left_out_and_named():
    image, usable = obstructed()
    found = automatic_mask(view_of(image), MaskConfig())
    assert found.mask[~usable].mean() < 0.01
    assert found.mask[usable].mean() > 0.75
    assert found.share == found.mask.mean()
    assert (found.outliers & found.mask).sum() == 0
    assert found.text.startswith('collimator circle, metal ')


def test_a_clean_image_is_used_whole():
    for seed in range(4):
        found = automatic_mask(view_of(body(seed=seed)), MaskConfig())
        assert found.share > 0.999
        assert found.text == 'collimator none, metal 0.0%'


def test_a_real_body_is_used_almost_whole(pelvis_xrays):
    for image in pelvis_xrays:
        assert automatic_mask(view_of(image), MaskConfig()).share > 0.98


def test_real_round_xrays_keep_the_hand_and_lose_the_surround(data_dir):
    files = sorted((data_dir / 'wrist_biplane' / 'images').rglob('*.tif'))
    assert len(files) == 6
    for file in files:
        pixels = cv2.imreadmulti(str(file), flags=cv2.IMREAD_GRAYSCALE)[1][0]
        found = automatic_mask(view_of(line_integrals(pixels, 'raw')), MaskConfig())
        assert found.collimator.circle is not None, file.name
        rows, columns = pixels.shape
        middle = np.s_[rows // 4 : -rows // 4, columns // 4 : -columns // 4]
        assert found.mask[middle].mean() > 0.97, file.name
        corners = np.s_[:: rows - 1, :: columns - 1]
        assert not found.mask[corners].any(), file.name
        assert found.share > 0.65, file.name


@pytest.mark.parametrize('scale', [1e-4, 100.0, 2e4])
def test_the_scale_of_display_values_does_not_matter(scale):
    image, usable = obstructed()
    found = automatic_mask(view_of((image * scale).astype(np.float32)), MaskConfig())
    assert found.mask[~usable].mean() < 0.02
    assert found.mask[usable].mean() > 0.75


@pytest.mark.parametrize('factor', [2, 4])
def test_finer_images_have_the_same_mask(factor):
    image, _ = obstructed()
    size = (SIZE * factor, SIZE * factor)
    fine = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    found = automatic_mask(view_of(fine), MaskConfig()).mask
    coarse = automatic_mask(view_of(image), MaskConfig()).mask
    binned = cv2.resize(found.astype(np.float32), image.shape, interpolation=cv2.INTER_AREA)
    assert overlap(binned > 0.5, coarse) > 0.93


@pytest.mark.parametrize('shape', [(200, 256), (767, 1021), (40, 64), (8, 8), (8, 60)])
def test_any_shape_gets_a_mask_of_its_shape(shape):
    found = automatic_mask(view_of(body(shape)), MaskConfig())
    assert found.mask.shape == shape
    assert found.share > 0.99


@pytest.mark.parametrize('value', [0.0, 7.0])
def test_a_blank_image_is_used_whole(value):
    assert automatic_mask(view_of(np.full((64, 64), value, np.float32)), MaskConfig()).share == 1


def test_each_part_can_be_left_out():
    image, _ = obstructed()
    metal = automatic_mask(view_of(image), MaskConfig(collimator=False))
    assert not metal.collimator and metal.outliers.any()
    shutters = automatic_mask(view_of(image), MaskConfig(metal=False))
    assert shutters.collimator and not shutters.outliers.any()


def test_so_much_metal_is_a_mistake_and_is_said_to_be():
    v, u = np.mgrid[:SIZE, :SIZE]
    grid = ((u % 12) < 3) | ((v % 12) < 3)
    found = automatic_mask(view_of((body() + 1.5 * grid).astype(np.float32)), MaskConfig())
    assert not found.outliers.any()
    assert 'metal not masked' in found.text


def test_a_given_mask_wins_and_automatic_can_be_off():
    image, _ = obstructed()
    mine = disc((100, 100), 50)
    views = [view_of(image), view_of(image, mine)]
    masked, texts = with_masks(views, MaskConfig())
    assert masked[1].mask is mine and texts[1] == 'given'
    assert 0.3 < masked[0].mask.mean() < 0.8 and 'circle' in texts[0]
    off, texts = with_masks(views, dataclasses.replace(MaskConfig(), automatic=False))
    assert off[0].mask is None and texts == ['none', 'given']


def test_burnt_out_lungs_are_left_out_where_asked_and_dead_areas_always():
    image = body()
    low, high = np.percentile(image, (20, 95))
    clipped = np.clip(image, low, high)
    burnt, dark = image <= low, image >= high
    usual = automatic_mask(view_of(clipped), MaskConfig())
    np.testing.assert_array_equal(usual.mask, ~dark)
    asked = automatic_mask(view_of(clipped), MaskConfig(burnt_out=True))
    np.testing.assert_array_equal(asked.mask, ~dark & ~burnt)
    assert asked.text.endswith('clipped 25.0%')
