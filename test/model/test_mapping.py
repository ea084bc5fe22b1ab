"""The deformation: the identity at first, and exactly invertible always."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from surg_invnerf.model.config import PRESETS, ModelConfig
from surg_invnerf.model.mapping import InvertibleMapping
from surg_invnerf.model.time_axis import TimeAxis

# Normalised units; what a fitted model may lose by going there and back in float32.
_ROUND_TRIP = 1e-5


def mapping_with(scale, seed=0, config=None, frames=8):
    """Return a mapping whose networks and planes are far from their initial values."""
    torch.manual_seed(seed)
    axis = TimeAxis(range(frames))
    mapping = InvertibleMapping(
        config or ModelConfig(resolutions=(4, 12), time_strides=(2, 1)), axis
    )
    with torch.no_grad():
        for parameter in mapping.parameters():
            parameter += scale * torch.randn_like(parameter)
    return mapping


def points_and_slots(count, seed=1, frames=8):
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(count, 3, generator=generator) * 2.4 - 1.2
    return points, torch.randint(0, frames, (count,), generator=generator).float()


def test_a_new_mapping_is_the_identity():
    for config in PRESETS.values():
        mapping = InvertibleMapping(config, TimeAxis(range(5)))
        points, slots = points_and_slots(50, frames=5)
        torch.testing.assert_close(mapping(points, slots), points)
        torch.testing.assert_close(mapping.inverse(points, slots), points)


@settings(max_examples=20)
@given(st.floats(0.0, 0.3), st.integers(0, 10_000))
def test_inverse_of_forward_is_the_point(scale, seed):
    mapping = mapping_with(scale, seed)
    points, slots = points_and_slots(200, seed)
    with torch.no_grad():
        there = mapping(points, slots)
        assert (mapping.inverse(there, slots) - points).abs().max() < _ROUND_TRIP
        back = mapping.inverse(points, slots)
        assert (mapping(back, slots) - points).abs().max() < _ROUND_TRIP * max(1, back.abs().max())


def test_a_mapping_far_from_the_identity_moves_points_and_depends_on_time():
    mapping = mapping_with(0.3)
    points, slots = points_and_slots(100)
    with torch.no_grad():
        moved = mapping(points, slots)
        later = mapping(points, (slots + 3) % 8)
    assert (moved - points).abs().mean() > 0.05
    assert (moved - later).abs().mean() > 0.01


def test_gradients_reach_every_parameter_and_the_points():
    mapping = mapping_with(0.1)
    points, slots = points_and_slots(500)
    points.requires_grad_()
    mapping(points, slots).square().sum().backward()
    assert points.grad.abs().min() > 0
    for name, parameter in mapping.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name
