from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from surg_invnerf.live.window import retained


@given(
    st.sets(st.integers(0, 500), min_size=1, max_size=80),
    st.integers(1, 12),
    st.integers(1, 8),
    st.sets(st.integers(0, 500)),
)
def test_newest_stay_and_the_rest_is_bounded(indices, window, keyframes, precious):
    kept = retained(indices, window, keyframes, precious)
    assert kept == sorted(set(kept))
    assert set(kept) <= indices
    assert kept[-window:] == sorted(indices)[-window:]
    assert len(kept) == min(len(indices), window + keyframes)
    assert kept[0] == min(indices)


def test_keyframes_spread_over_a_stream():
    held = []
    for index in range(200):
        held = retained([*held, index], 10, 8)
    older = held[:-10]
    gaps = [b - a for a, b in pairwise(older)]
    assert older[0] == 0
    assert max(gaps) <= 4 * min(gaps)


def test_frames_where_points_were_born_stay_longer():
    held = []
    for index in range(100):
        held = retained([*held, index], 10, 4, precious={0, 33, 34})
    assert {0, 33, 34} <= set(held)
