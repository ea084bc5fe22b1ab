"""Simulated obstructions: they only add, where they say, and differ between draws."""

import dataclasses

import numpy as np
import pytest

from surgical_perception.errors import InputError
from xray_registration.simulation import obstructions as o

SHAPE = (120, 160)
CLEAR = np.zeros(SHAPE)


def obstructed(config, seed=0):
    return o.obstruct(CLEAR, config, np.random.default_rng(seed))


@pytest.mark.parametrize('name', o.PRESETS)
def test_presets_add_where_they_say_and_are_reproducible(name):
    image, where = obstructed(o.preset(name))
    again, _ = obstructed(o.preset(name))
    other, _ = obstructed(o.preset(name), seed=1)
    np.testing.assert_array_equal(image, again)
    assert (image != other).any()
    assert image.min() > -1e-9
    np.testing.assert_array_equal(where, image > 0.1)
    assert 0.01 < where.mean() < 0.8


def test_nothing_asked_for_changes_nothing():
    image, where = obstructed(o.ObstructionConfig())
    assert not image.any() and not where.any()


def test_a_round_bar_has_its_attenuation_in_the_middle_and_crosses_the_image():
    for seed in range(5):
        image, where = obstructed(o.ObstructionConfig(bars=1, bar_attenuation=(3, 3)), seed)
        assert 2.5 < image.max() <= 3
        border = np.ones(SHAPE, bool)
        border[1:-1, 1:-1] = False
        assert where[border].sum() >= 2
        # A chord: half the attenuation is at 87 % of the radius, so most of the bar is dense.
        assert np.median(image[where]) > 2


@pytest.mark.parametrize('kind', ['circle', 'rectangle', 'leaves'])
def test_a_collimator_leaves_its_transmission_outside_and_all_inside(kind):
    config = o.ObstructionConfig(collimator=kind, collimator_transmission=0.05)
    for seed in range(5):
        image, _ = obstructed(config, seed)
        assert image.max() == pytest.approx(-np.log(0.05), rel=1e-6)
        assert abs(image[50:70, 70:90]).max() < 1e-6
        assert image[[0, 0, -1, -1], [0, -1, 0, -1]].max() > 1


def test_wires_are_thin_and_plates_are_not():
    _, wire = obstructed(o.ObstructionConfig(wires=1))
    image, plate = obstructed(o.ObstructionConfig(plates=1, plate_attenuation=(2, 2)))
    assert wire.sum() < 0.03 * wire.size
    assert 0.01 < plate.mean() < 0.1
    assert image.max() > 2  # a screw over the plate adds to it


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="'fog'"):
        o.preset('fog')
    with pytest.raises(InputError, match="'slit'"):
        obstructed(dataclasses.replace(o.preset('circle'), collimator='slit'))
