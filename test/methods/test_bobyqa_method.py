"""Method `bobyqa`: the pyramid's costs without derivatives."""

import numpy as np
import pytest
from method_checks import errors, registered

from surgical_perception.errors import InputError
from xray_registration.result import SolverStatus, Verdict


def test_a_pose_is_found_and_judged_like_any_other(views, volumes, truth, start):
    result = registered('bobyqa', views[:1], volumes, start)
    shift_mm, turn_deg = errors(result, truth, volumes)
    assert np.abs(shift_mm[:2]).max() < 0.3
    assert abs(shift_mm[2]) < 2
    assert turn_deg < 0.5
    assert result.verdict is Verdict.OK
    assert result.status is SolverStatus.CONVERGED
    assert np.linalg.eigvalsh(result.covariance).min() > 0


def test_a_second_view_sees_the_depth(views, volumes, truth, start):
    result = registered('bobyqa', views, volumes, start)
    shift_mm, turn_deg = errors(result, truth, volumes)
    assert np.abs(shift_mm).max() < 0.3
    assert turn_deg < 0.3
    assert result.sigma_mm.max() < 1


def test_the_same_call_gives_the_same_pose(views, volumes, start):
    first, second = (
        registered('bobyqa', views[:1], volumes, start).reference_from_ct for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_the_time_limit_stops_it_where_it_is(views, volumes, start):
    result = registered('bobyqa', views[:1], volumes, start, timeout_s=0.0)
    assert result.status is SolverStatus.TIMEOUT
    np.testing.assert_allclose(result.reference_from_ct, start, atol=1e-12)


def test_without_a_start_it_says_so(views, volumes):
    with pytest.raises(InputError, match='bobyqa needs a start'):
        registered('bobyqa', views[:1], volumes, None)
