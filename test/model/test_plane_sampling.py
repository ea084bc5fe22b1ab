"""The fused sampling is the reference, and the reference is bilinear interpolation."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from surg_invnerf.model.feature_planes import FeaturePlanes
from surg_invnerf.model.plane_sampling import PlaneLayout, sample, sample_reference
from surg_invnerf.model.time_axis import TimeAxis


def layout(features=8, sizes=((4, 5, 6), (9, 7, 3))):
    """Return a layout whose planes span [-1, 1] on each axis."""
    sizes = np.array(sizes, np.int64)
    half = ((sizes - 1) / 2).astype(np.float32)
    return PlaneLayout(features, sizes, half, half)


def flat_for(a_layout, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(a_layout.length, generator=generator, dtype=dtype)


def points_in(count, reach=1.3, seed=1, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(count, 3, generator=generator, dtype=dtype) * 2 - 1) * reach


def test_at_a_cell_the_sample_is_the_product_of_the_planes():
    a_layout = layout(sizes=((4, 5, 6),))
    flat = flat_for(a_layout)
    first, second, third = a_layout.planes(flat)
    point = torch.tensor([[-1 + 2 * 2 / 3, -1 + 2 * 1 / 4, -1 + 2 * 5 / 5]])
    expected = first[2, 1] * second[5, 2] * third[5, 1]
    for function in (sample, sample_reference):
        torch.testing.assert_close(function(flat, point, a_layout)[0], expected)


def test_between_cells_it_is_linear_in_each_plane():
    a_layout = layout(sizes=((3, 3, 3),))
    flat = torch.ones(a_layout.length)
    plane = a_layout.planes(flat)[0]
    plane += torch.arange(3.0)[:, None, None] + 10 * torch.arange(3.0)[None, :, None]
    points = points_in(50, reach=1.0)
    expected = 1 + (points[:, 0] + 1) + 10 * (points[:, 1] + 1)
    torch.testing.assert_close(sample(flat, points, a_layout)[:, 3], expected)


def test_outside_the_planes_the_edge_goes_on_without_a_slope():
    a_layout = layout()
    flat = flat_for(a_layout)
    far = torch.tensor([[5.0, -7.0, 2.0]], requires_grad=True)
    edge = torch.tensor([[1.0, -1.0, 1.0]])
    out = sample(flat, far, a_layout)
    torch.testing.assert_close(out, sample(flat, edge, a_layout))
    out.sum().backward()
    assert not far.grad.any()


@pytest.mark.parametrize('features', (8, 16))
def test_fused_is_the_reference_forward_and_backward(features):
    a_layout = layout(features)
    arriving = torch.randn(200, a_layout.width, generator=torch.Generator().manual_seed(2))
    found = []
    for function in (sample, sample_reference):
        flat = flat_for(a_layout).requires_grad_()
        points = points_in(200).requires_grad_()
        out = function(flat, points, a_layout)
        out.backward(arriving)
        found.append((out.detach(), flat.grad, points.grad))
    for fused, reference in zip(*found, strict=True):
        torch.testing.assert_close(fused, reference, rtol=1e-4, atol=1e-4)


def test_gradients_of_the_reference_are_those_of_finite_differences():
    a_layout = layout(8, ((3, 4, 3),))
    flat = flat_for(a_layout, dtype=torch.float64).requires_grad_()
    points = points_in(5, reach=0.9, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda f, p: sample_reference(f, p, a_layout), (flat, points))


@given(st.lists(st.integers(2, 12), min_size=3, max_size=3), st.integers(0, 1000))
def test_planes_of_ones_give_ones_everywhere(sizes, seed):
    a_layout = layout(8, (sizes,))
    out = sample(torch.ones(a_layout.length), points_in(20, reach=3.0, seed=seed), a_layout)
    torch.testing.assert_close(out, torch.ones_like(out))


def planes_over(frames, strides=(2, 1)):
    axis = TimeAxis(frames)
    planes = FeaturePlanes(8, (4, 6), strides, axis)
    with torch.no_grad():
        planes.flat.uniform_(generator=torch.Generator().manual_seed(3))
    return planes, axis


def features_at(planes, axis, frames):
    points = points_in(7, reach=1.0)
    out = []
    for frame in frames:
        slot = axis.slots(torch.full((7,), frame))
        out.append(planes(torch.stack([points[:, 0], points[:, 1], slot], 1)).detach())
    return torch.stack(out)


def test_frames_that_stay_keep_their_features_and_a_new_one_copies_its_neighbour():
    planes, axis = planes_over(range(6), strides=(1, 1))
    before = features_at(planes, axis, range(6))
    later = TimeAxis([0, 3, 4, 5, 6, 7], capacity=6)
    move = planes.retime(later, axis)
    after = features_at(planes, later, [0, 3, 4, 5, 6, 7])
    torch.testing.assert_close(after[:4], before[[0, 3, 4, 5]])
    torch.testing.assert_close(after[4], before[5])
    torch.testing.assert_close(after[5], before[5])
    assert move(torch.zeros(axis_length(planes))).shape == planes.flat.shape


def axis_length(planes):
    return planes.layout.length


def test_an_axis_that_grows_makes_room():
    planes, axis = planes_over(range(4))
    before = features_at(planes, axis, [0, 2])
    later = TimeAxis(range(9))
    planes.retime(later, axis)
    torch.testing.assert_close(features_at(planes, later, [0, 2]), before)
    assert planes.flat.numel() == planes.layout.length
