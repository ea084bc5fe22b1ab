"""Heatmaps: peaks between cells, landmarks outside, and the network that makes them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from surgical_perception.errors import InputError
from xray_registration.learned.heatmaps import log_probabilities, peaks, target
from xray_registration.learned.unet import Unet, UnetConfig

HEIGHT, WIDTH = 24, 32
INSIDE = st.tuples(st.floats(4, WIDTH - 5), st.floats(4, HEIGHT - 5))
TINY = UnetConfig((8, 8, 16), stride=4)


@given(INSIDE, st.floats(0.5, 0.9))
def test_a_gaussian_peaks_where_it_was_put(cell, sigma):
    cells = torch.tensor([[cell]])
    probability = target(cells, HEIGHT, WIDTH, sigma)
    logits = torch.log(probability[..., :-1] + 1e-9).reshape(1, 1, HEIGHT, WIDTH) + 20
    found = peaks(logits)
    torch.testing.assert_close(found.cells, cells, atol=0.03, rtol=0)
    torch.testing.assert_close(found.sigma, torch.full((1, 1), sigma), atol=0.05, rtol=0)
    assert found.confidence.item() > 0.99


@given(INSIDE)
def test_probabilities_are_those_of_one_place(cell):
    wanted = target(torch.tensor([cell]), HEIGHT, WIDTH, 0.7)
    torch.testing.assert_close(wanted.sum(-1), torch.ones(1))
    assert wanted[..., -1] == 0
    found = log_probabilities(torch.randn(3, 5, HEIGHT, WIDTH)).exp()
    assert found.shape == (3, 5, HEIGHT * WIDTH + 1)
    torch.testing.assert_close(found.sum(-1), torch.ones(3, 5))


@pytest.mark.parametrize('cell', [(-0.6, 5), (WIDTH - 0.4, 5), (5, -3), (5, HEIGHT + 40)])
def test_a_landmark_outside_is_at_no_cell(cell):
    wanted = target(torch.tensor([cell]), HEIGHT, WIDTH, 0.7)
    assert wanted[..., -1] == 1
    assert wanted[..., :-1].sum() == 0


def test_a_peak_that_is_not_the_only_one_is_less_confident():
    logits = torch.full((1, HEIGHT, WIDTH), -20.0)
    logits[0, 5, 6], logits[0, 18, 25] = 5.0 + math.log(3), 5.0
    found = peaks(logits)
    torch.testing.assert_close(found.cells, torch.tensor([[6.0, 5.0]]), atol=1e-3, rtol=0)
    assert found.confidence.item() == pytest.approx(0.75, abs=0.01)
    assert peaks(torch.full((1, HEIGHT, WIDTH), -20.0)).confidence.item() < 1e-3


def test_maps_come_at_the_stride_that_was_asked_for():
    torch.manual_seed(0)
    for stride in (2, 4, 8):
        unet = Unet(UnetConfig((8, 8, 16), stride), 5)
        assert unet(torch.rand(2, 1, 48, 64)).shape == (2, 5, 48 // stride, 64 // stride)


def test_brightness_and_contrast_of_the_image_change_nothing():
    torch.manual_seed(0)
    unet, image = Unet(TINY, 3).eval(), torch.rand(1, 1, 64, 64)
    torch.testing.assert_close(unet(image), unet(3 * image - 7), atol=1e-3, rtol=1e-3)


def test_a_stride_that_no_stage_has_is_named():
    with pytest.raises(InputError, match='stride is 16'):
        Unet(UnetConfig((8, 8, 16), 16), 1)
