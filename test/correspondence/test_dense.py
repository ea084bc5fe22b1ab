"""Flow fields of affine maps: sampling, composition, forward-backward error."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from surg_invnerf.correspondence.chain import Chains, Link, better_of, followed_by
from surg_invnerf.correspondence.dense import (
    composed,
    forward_backward_error,
    inside,
    pixel_grid,
    sampled,
)

SIZE = (40, 50)
# cv2.remap rounds positions to 1/32 pixel.
REMAP_PX = 1 / 32

small = st.floats(-0.05, 0.05)
shift = st.floats(-4, 4)
affine = st.tuples(small, small, small, small, shift, shift)


def flow_of(parameters):
    """Return the flow of an affine map, whose bilinear samples are exact."""
    a, b, c, d, e, f = parameters
    moved = pixel_grid(*SIZE) @ np.array([[a, c], [b, d]], np.float32)
    return (moved + np.array([e, f], np.float32)).astype(np.float32)


@given(affine, affine)
def test_composition_is_that_of_the_maps(first, second):
    flow = composed(flow_of(first), flow_of(second))
    there = pixel_grid(*SIZE) + flow_of(first)
    a, b, c, d, e, f = second
    truth = there @ np.array([[a, c], [b, d]]) + (e, f) + flow_of(first)
    seen = inside(there, *SIZE)
    assert (np.isfinite(flow).all(-1) == seen).all()
    assert np.abs(flow - truth)[seen].max(initial=0) < 0.1 * REMAP_PX + 1e-4


@given(affine)
def test_there_and_back_by_the_inverse_is_no_error(parameters):
    a, b, c, d, e, f = parameters
    there = np.array([[1 + a, b, e], [c, 1 + d, f], [0, 0, 1]])
    back = np.linalg.inv(there) - np.eye(3)
    backward = flow_of((back[0, 0], back[0, 1], back[1, 0], back[1, 1], back[0, 2], back[1, 2]))
    error = forward_backward_error(flow_of(parameters), backward)
    seen = inside(pixel_grid(*SIZE) + flow_of(parameters), *SIZE)
    assert error[seen].max(initial=0) < 0.2 * REMAP_PX + 1e-4
    assert np.isinf(error[~seen]).all()


def test_error_is_the_distance_from_where_it_began():
    forward = np.full((*SIZE, 2), (2, 0), np.float32)
    backward = np.full((*SIZE, 2), (1, 4), np.float32)
    error = forward_backward_error(forward, backward)
    np.testing.assert_allclose(error[:, :-2], 5, atol=1e-5)


def test_flow_that_is_unknown_is_an_infinite_error():
    flow = np.zeros((*SIZE, 2), np.float32)
    flow[10, 20] = np.nan
    unknown = np.isinf(forward_backward_error(flow, np.zeros_like(flow)))
    assert unknown[10, 20]
    assert unknown.sum() == 1


def test_the_last_pixels_can_be_sampled():
    field = np.arange(np.prod(SIZE), dtype=np.float32).reshape(SIZE)
    np.testing.assert_array_equal(sampled(field, pixel_grid(*SIZE)), field)
    assert np.isnan(sampled(field, pixel_grid(*SIZE) + np.float32(0.5))[-1]).all()


def link(value, error):
    flow = np.full((*SIZE, 2), value, np.float32)
    return Link(flow, np.full(SIZE, error, np.float32))


def test_errors_add_along_a_chain():
    chained = followed_by(link(1, 0.25), link(2, 0.5))
    np.testing.assert_allclose(chained.flow[:-1, :-1], 3)
    np.testing.assert_allclose(chained.error_px[:-1, :-1], 0.75)
    assert np.isinf(chained.error_px[-1]).all()


def test_each_pixel_comes_from_the_way_with_the_lower_error():
    direct, chained = link(1, 0.4), link(2, 0.5)
    direct.error_px[:, :10] = np.inf
    chosen = better_of(direct, chained)
    assert (chosen.flow[:, :10] == 2).all()
    assert (chosen.flow[:, 10:] == 1).all()
    np.testing.assert_allclose(chosen.error_px[:, :10], 0.5)


def test_chains_reach_over_the_middle_frame_and_hold_a_bounded_number():
    chains = Chains(longest=16)
    held = []
    for newest in range(1, 60):
        for gap in (1, 2, 4, 8, 16):
            if gap > newest:
                continue
            through = chains.through(newest, newest - gap)
            # Over two links of half the gap; what was not linked cannot be chained.
            assert (through is None) == (gap == 1)
            chains.add(newest, newest - gap, link(gap, 0.1))
        chains.forget(newest)
        held.append(len(chains))
    assert max(held) == 1 + 2 + 4 + 8
