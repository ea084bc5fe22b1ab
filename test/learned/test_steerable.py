"""The steerable convolution and its gates against turned fields."""

import pytest
import torch

from xray_registration.learned.steerable import SteerableConv3d, gate

SIZE = (5, 6, 7)


def turned(field, scalars, axes):
    """Turn a field [B, scalars + 3 vectors, Z, Y, X] by 90 degrees: places, and components too."""
    moved = torch.rot90(field, 1, tuple(a + 2 for a in axes))
    kept, vectors = moved[:, :scalars], moved[:, scalars:].unflatten(1, (-1, 3)).clone()
    a, b = axes
    old = vectors.clone()
    # rot90 takes the axis a to b, and b to -a.
    vectors[:, :, b], vectors[:, :, a] = old[:, :, a], -old[:, :, b]
    return torch.cat([kept, vectors.flatten(1, 2)], 1)


@pytest.mark.parametrize('axes', [(0, 1), (1, 2), (2, 0)])
@pytest.mark.parametrize('side', [3, 5])
def test_vectors_turn_with_the_body(axes, side):
    torch.manual_seed(0)
    layer = SteerableConv3d((2, 3), (3, 2), side)
    field = torch.randn(1, 2 + 3 * 3, *SIZE)
    torch.testing.assert_close(
        layer(turned(field, 2, axes)), turned(layer(field), 3, axes), atol=1e-4, rtol=1e-4
    )


def test_each_path_is_used():
    """An isotropic kernel would make no vectors of scalars, and see none of their sum."""
    torch.manual_seed(0)
    layer = SteerableConv3d((1, 1), (1, 1), 3)
    for part in (slice(0, 1), slice(1, 4)):
        field = torch.zeros(1, 4, *SIZE)
        field[:, part] = torch.randn(field[:, part].shape)
        found = layer(field)
        assert (found[:, 0].std() > 0.1) and (found[:, 1:].std() > 0.1)


def test_a_constant_scalar_has_no_direction():
    layer = SteerableConv3d((1, 0), (0, 2), 3)
    inside = layer(torch.ones(1, 1, *SIZE))[..., 1:-1, 1:-1, 1:-1]
    assert inside.abs().max() < 1e-6


def test_a_ramp_points_along_itself():
    layer = SteerableConv3d((1, 0), (0, 1), 3)
    ramp = torch.arange(7.0).expand(1, 1, *SIZE)
    z, y, x = layer(ramp)[0, :, 2, 3, 3]
    assert abs(x) > 1e-2
    assert max(abs(z), abs(y)) < 1e-5


def test_gates_scale_vectors_and_keep_their_directions():
    field = torch.randn(1, 2 + 1 + 3, *SIZE)
    found = gate(field, scalars=2, vectors=1)
    torch.testing.assert_close(found[:, :2], field[:, :2].clamp(min=0))
    torch.testing.assert_close(found[:, 2:], field[:, 3:] * torch.sigmoid(field[:, 2:3]))
