from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from surg_invnerf.live.points import REFUSED, Points

FRAME = SimpleNamespace(stamp_ns=5, index=1)


def add(points, good):
    ids = points.admit(good, 'outside the image')
    taken = ids[ids != REFUSED]
    count = len(taken)
    points.append(
        taken, np.zeros((count, 2)), np.zeros((count, 3)), 1e-3, FRAME, np.zeros((count, 3)), 0.5
    )
    return ids


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=30))
def test_ids_are_never_used_twice_and_the_budget_holds(actions):
    points, given_ids, asked = Points(20), [], 0
    for adds, count in actions:
        if adds:
            asked += count
            ids = add(points, np.ones(count, bool))
            given_ids += ids[ids != REFUSED].tolist()
        else:
            points.remove(points.table['id'][:count])
        assert len(points) <= 20
    assert len(set(given_ids)) == len(given_ids)
    assert len(given_ids) + sum(points.refusals.values()) == asked


def test_refusals_are_counted_by_reason():
    points = Points(3)
    ids = add(points, [True, False, True, True, True])
    assert ids.tolist() == [0, REFUSED, 1, 2, REFUSED]
    assert points.refusals == {'outside the image': 1, 'over the budget of 3 points': 1}


def test_ids_go_on_after_everything_was_forgotten():
    points = Points(3, first_id=7)
    assert add(points, [True, True]).tolist() == [7, 8]
    points.clear()
    assert add(points, [True]).tolist() == [9]
