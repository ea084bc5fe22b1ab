"""Keypoint matches between frames that are far apart."""

import numpy as np
import pytest
from warped_clip import HEIGHT, WIDTH, WarpedClip

from surg_invnerf.correspondence import sift

EVERYWHERE = np.ones((HEIGHT, WIDTH), bool)


@pytest.fixture(scope='module')
def clip():
    return WarpedClip(2, shift=(25, -15), turn_deg=25, growth=1.15)


def test_matches_over_a_large_motion_are_right(clip):
    found = sift.match(*(sift.features(clip.image(k), EVERYWHERE) for k in (0, 1)))
    error = np.linalg.norm(found.targets - clip.targets(0, 1, found.pixels), axis=1)
    assert len(error) > 20
    assert np.median(error) < 0.5
    assert error.max() < 3


def test_other_scenes_do_not_match(clip):
    other = WarpedClip(1, seed=5).image(0)
    found = sift.match(sift.features(clip.image(0), EVERYWHERE), sift.features(other, EVERYWHERE))
    assert len(found.pixels) == 0


def test_masked_pixels_have_no_keypoints(clip):
    usable = EVERYWHERE.copy()
    usable[:, :80] = False
    assert sift.features(clip.image(0), usable).uv[:, 0].min() > 79


def test_an_image_without_texture_has_none():
    blank = sift.features(np.full((HEIGHT, WIDTH, 3), 90, np.uint8), EVERYWHERE)
    assert len(sift.match(blank, blank).pixels) == 0


def test_matches_against_their_neighbours_are_refused():
    random = np.random.default_rng(0)
    pixels = random.uniform(0, 100, (60, 2)).astype(np.float32)
    targets = pixels @ np.array([[1.1, 0.1], [-0.2, 0.9]], np.float32) + 7
    wrong = random.choice(60, 12, replace=False)
    targets[wrong] += random.choice([-1, 1], (12, 2)) * random.uniform(10, 40, (12, 2))
    found = sift.affine_with_neighbours(pixels, targets.astype(np.float32))
    right = np.delete(np.arange(60), wrong)
    kept = (pixels[:, None] == found.pixels[None]).all(-1).any(1)
    assert not kept[wrong].any()
    assert kept[right].mean() > 0.8
