import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray_registration.config import GateConfig
from xray_registration.gate import Evidence, judge
from xray_registration.result import SolverStatus, Verdict

GOOD = Evidence(SolverStatus.CONVERGED, 0.02, 0.97, np.array([0.05, 0.05, 0.4]), 1.0)


@pytest.mark.parametrize(
    ('change', 'verdict', 'word'),
    [
        ({}, Verdict.OK, ''),
        ({'cost': 0.12}, Verdict.DEGRADED, 'cost 0.120'),
        ({'cost': 0.5}, Verdict.REJECTED, 'do not match'),
        ({'cost': float('nan')}, Verdict.REJECTED, 'do not match'),
        ({'overlap': 0.1}, Verdict.REJECTED, '10%'),
        ({'sigma_mm': np.array([9.0, 0.1, 1.0])}, Verdict.DEGRADED, 'lateral sigma 9.0 mm'),
        ({'sigma_mm': np.array([0.1, 0.1, 40.0])}, Verdict.DEGRADED, 'another angle'),
        ({'sigma_mm': np.full(3, np.nan)}, Verdict.DEGRADED, 'sigma'),
        ({'status': SolverStatus.MAX_STEPS}, Verdict.DEGRADED, 'largest number of steps'),
        (
            {'status': SolverStatus.MAX_STEPS, 'cost': 0.12},
            Verdict.REJECTED,
            'largest number of steps before',
        ),
        ({'status': SolverStatus.TIMEOUT}, Verdict.DEGRADED, 'time limit'),
        ({'status': SolverStatus.ILL_CONDITIONED}, Verdict.REJECTED, 'does not determine'),
        ({'status': SolverStatus.NON_FINITE}, Verdict.REJECTED, 'not finite'),
    ],
)
def test_each_limit_has_its_verdict_and_words(change, verdict, word):
    got, reason = judge(GOOD._replace(**change), GateConfig())
    assert got is verdict
    assert word in reason


@given(
    cost=st.floats(allow_nan=True, allow_infinity=True),
    sigma=st.floats(allow_nan=True, allow_infinity=True),
    overlap=st.floats(0, 1),
    status=st.sampled_from(SolverStatus),
)
def test_whatever_is_not_ok_has_a_reason_and_nan_is_never_ok(cost, sigma, overlap, status):
    evidence = Evidence(status, cost, 0.5, np.full(3, sigma), overlap)
    verdict, reason = judge(evidence, GateConfig())
    assert (verdict is Verdict.OK) == (reason == '')
    if np.isnan(cost) or np.isnan(sigma):
        assert verdict is not Verdict.OK
