"""Holes take the nearest valid depth; nothing else changes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from surg_invnerf.stereo.fill import fill

DEPTHS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(6, 24), st.integers(6, 24)),
    elements=st.one_of(st.floats(0.03125, 0.25, width=32), st.just(np.float32(np.nan))),
).filter(lambda depth: np.isfinite(depth).any())


@given(DEPTHS)
def test_holes_are_filled_from_what_there_is_and_the_rest_stays(depth):
    filled = fill(depth)
    valid = np.isfinite(depth)
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(filled[valid], depth[valid])
    assert np.isin(filled, depth[valid]).all()
    np.testing.assert_array_equal(fill(filled), filled)


def test_a_wide_hole_splits_halfway_between_its_sides():
    depth = np.full((20, 40), np.nan, np.float32)
    depth[:, :8], depth[:, 32:] = 0.05, 0.09
    filled = fill(depth)
    assert (filled[:, :19] == np.float32(0.05)).all()
    assert (filled[:, 21:] == np.float32(0.09)).all()


def test_a_lone_wrong_pixel_does_not_spread():
    depth = np.full((30, 30), np.nan, np.float32)
    depth[:5] = 0.06
    depth[4, 15] = 0.2
    filled = fill(depth)
    assert (filled[6:] == np.float32(0.2)).mean() < 0.25
