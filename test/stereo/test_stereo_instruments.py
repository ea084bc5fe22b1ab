"""Instruments are found by their colour, and only they."""

import numpy as np
import pytest

from surg_invnerf.stereo.instruments import find_instruments
from surg_invnerf.stereo.masks import beside
from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.config import SceneConfig


def tissue(height=128, width=160, seed=0):
    rng = np.random.default_rng(seed)
    image = np.empty((height, width, 3))
    image[:] = (180, 90, 80)
    return (image + rng.normal(0, 6, image.shape)).clip(0, 255).astype(np.uint8)


def test_a_grey_bar_from_the_edge_is_an_instrument_and_tissue_is_none():
    image = tissue()
    assert not find_instruments(image).any()
    image[40:60, :90] = 120
    found = find_instruments(image)
    truth = np.zeros_like(found)
    truth[40:60, :90] = True
    assert (found & truth).sum() > 0.95 * truth.sum()
    assert (found & ~truth).sum() < 0.1 * truth.sum()


def test_a_grey_patch_inside_the_image_a_highlight_and_the_dark_surround_are_none():
    image = tissue()
    image[50:70, 60:90] = 120
    image[:12, 20:60] = 255
    image[-10:] = 3
    assert not find_instruments(image).any()


def test_an_instrument_enters_from_the_dark_surround_too():
    image = tissue()
    image[:, :30] = 2
    image[50:70, 30:90] = 110
    assert find_instruments(image)[60, 60]


def test_a_grey_image_says_nothing():
    assert not find_instruments(np.full((64, 80, 3), 128, np.uint8)).any()


@pytest.mark.parametrize('seed', (2, 3))
def test_the_instrument_of_a_scene_is_found(seed):
    clip = SyntheticClip(SceneConfig(seed=seed, frames=1, width=160, height=128))
    found, truth = find_instruments(next(clip.frames()).left), clip.truth.tool(0)
    assert (found & truth).sum() > 0.8 * (found | truth).sum()


def test_beside_an_instrument_is_not_on_it():
    tool = np.zeros((64, 640), bool)
    tool[:, 300:310] = True
    rim = beside(tool)
    assert not (rim & tool).any()
    assert rim[30, 290] and rim[30, 320] and not rim[30, 280]
