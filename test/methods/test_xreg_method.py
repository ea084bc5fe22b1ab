"""Method `xreg`: a wide population, then BOBYQA in a small box."""

import numpy as np
import pytest
from method_checks import errors, moved, registered

from surgical_perception.errors import InputError
from xray_registration.methods import xreg
from xray_registration.result import SolverStatus, Verdict


@pytest.fixture(scope='module')
def far(truth, volumes):
    """A start from which a descent ends elsewhere."""
    return moved(truth, volumes, [-40, 30, 60], [30, 30, 30])


@pytest.fixture(scope='module')
def found(views, volumes, far):
    return registered('xreg', views[:1], volumes, far)


def test_a_pose_is_found_from_far_away(found, views, volumes, truth, far):
    assert registered('lm', views[:1], volumes, far).verdict is Verdict.REJECTED
    shift_mm, turn_deg = errors(found, truth, volumes)
    assert np.abs(shift_mm[:2]).max() < 0.3
    assert abs(shift_mm[2]) < 5
    assert turn_deg < 0.3
    assert found.verdict is Verdict.OK
    assert found.status is SolverStatus.CONVERGED


@pytest.fixture
def small_population(monkeypatch):
    monkeypatch.setattr(xreg, '_POPULATION', 40)


def test_the_same_call_gives_the_same_pose(small_population, views, volumes, start):
    first, second = (
        registered('xreg', views[:1], volumes, start).reference_from_ct for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_a_second_view_sees_the_depth(small_population, views, volumes, truth, start):
    result = registered('xreg', views, volumes, start)
    shift_mm, turn_deg = errors(result, truth, volumes)
    assert np.abs(shift_mm).max() < 0.3
    assert turn_deg < 0.3


def test_the_box_holds(views, volumes, start, monkeypatch):
    """Where the population stays at the start, BOBYQA goes no farther than its box."""
    monkeypatch.setattr(xreg, '_SIGMA', 1e-9 * xreg._SIGMA)
    monkeypatch.setattr(xreg, '_BOX', 0.1 * xreg._BOX)
    shift_mm, turn_deg = errors(registered('xreg', views[:1], volumes, start), start, volumes)
    assert 0.2 < np.abs(shift_mm).max() < 1.01
    assert turn_deg < 0.25 * np.sqrt(3) * 1.01


def test_the_time_limit_stops_it_where_it_is(views, volumes, start):
    result = registered('xreg', views[:1], volumes, start, timeout_s=0.0)
    assert result.status is SolverStatus.TIMEOUT
    np.testing.assert_allclose(result.reference_from_ct, start, atol=1e-12)


def test_without_a_start_it_says_so(views, volumes):
    with pytest.raises(InputError, match='xreg needs a start'):
        registered('xreg', views[:1], volumes, None)
