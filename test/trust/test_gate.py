"""Every limit of the gate refuses what is beyond it, in words that say what to do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray_registration.config import GateConfig
from xray_registration.evidence import Evidence
from xray_registration.gate import blank_reason, judge
from xray_registration.result import SolverStatus, Verdict

GOOD = Evidence(
    status=SolverStatus.CONVERGED,
    cost=0.02,
    similarity=0.97,
    agreement=1.0,
    gain=0.9,
    sigma_mm=np.array([0.05, 0.05, 0.4]),
    overlap=1.0,
)

MIRRORED = {'mirrored_ratio': 0.1, 'mirrored_cost': 0.02, 'mirrored_flip': 'vertical'}


@pytest.mark.parametrize(
    ('change', 'verdict', 'words'),
    [
        ({}, Verdict.OK, ''),
        ({'cost': 0.12}, Verdict.DEGRADED, 'cost 0.120'),
        ({'cost': 0.5}, Verdict.REJECTED, 'mask metal'),
        ({'cost': 0.5, 'gain': 0.1}, Verdict.REJECTED, 'wrong CT'),
        ({'cost': float('nan')}, Verdict.REJECTED, 'do not match'),
        ({'gain': 0.65}, Verdict.DEGRADED, 'not sharp'),
        ({'gain': 0.1}, Verdict.REJECTED, 'poses beside this one'),
        ({'gain': float('nan')}, Verdict.REJECTED, 'poses beside this one'),
        ({'overlap': 0.1}, Verdict.REJECTED, '10%'),
        ({'sigma_mm': np.array([9.0, 0.1, 1.0])}, Verdict.DEGRADED, 'lateral sigma 9.0 mm'),
        ({'sigma_mm': np.array([0.1, 0.1, 40.0])}, Verdict.DEGRADED, 'another angle'),
        ({'sigma_mm': np.full(3, np.nan)}, Verdict.DEGRADED, 'sigma'),
        ({'disagreement': 2.5}, Verdict.REJECTED, '2.5 of its standard deviations'),
        ({'disagreement': float('inf')}, Verdict.REJECTED, 'contradict'),
        ({'unsettled': 1.3}, Verdict.REJECTED, '1.3 of its standard deviations away'),
        ({'unsettled': float('nan')}, Verdict.REJECTED, 'with method lm'),
        (
            {
                'cost': 0.3,
                'mirrored_ratio': 0.1,
                'mirrored_cost': 0.02,
                'mirrored_flip': 'vertical',
            },
            Verdict.REJECTED,
            'mirrored: flipped (vertical) it matches',
        ),
        (
            {'mirrored_ratio': 1.1, 'mirrored_cost': 0.025, 'mirrored_flip': 'horizontal'},
            Verdict.REJECTED,
            'matches as well mirrored',
        ),
        ({'mirrored_ratio': 3.0, 'mirrored_cost': 0.1}, Verdict.OK, ''),
        (
            {'cost': 0.4, 'gain': 0.1, 'mirrored_ratio': 0.9, 'mirrored_cost': 0.35},
            Verdict.REJECTED,
            'wrong CT',
        ),
        ({'status': SolverStatus.MAX_STEPS}, Verdict.DEGRADED, 'largest number of steps'),
        (
            {'status': SolverStatus.MAX_STEPS, 'cost': 0.12},
            Verdict.REJECTED,
            'largest number of steps before',
        ),
        ({'status': SolverStatus.TIMEOUT}, Verdict.DEGRADED, 'compute.timeout_s'),
        ({'status': SolverStatus.ILL_CONDITIONED}, Verdict.REJECTED, 'does not determine'),
        ({'status': SolverStatus.NON_FINITE}, Verdict.REJECTED, 'not finite'),
    ],
)
def test_each_limit_has_its_verdict_and_words(change, verdict, words):
    got, reason = judge(GOOD._replace(**change), GateConfig())
    assert got is verdict
    assert words in reason


def test_views_are_not_blamed_for_a_pose_beside_the_minimum():
    verdict, reason = judge(GOOD._replace(disagreement=30.0, unsettled=25.0), GateConfig())
    assert verdict is Verdict.REJECTED
    assert 'with method lm' in reason and 'contradict' not in reason
    assert (reason == '') is (verdict is Verdict.OK)


def test_a_mirrored_image_is_not_called_something_else_as_well():
    evidence = GOOD._replace(
        cost=0.3, gain=0.1, overlap=0.1, mirrored_ratio=0.1, mirrored_cost=0.02
    )
    _, reason = judge(evidence, GateConfig())
    assert 'image_flip' in reason
    assert 'wrong CT' not in reason


@given(
    cost=st.floats(allow_nan=True, allow_infinity=True),
    gain=st.floats(allow_nan=True, allow_infinity=True),
    sigma=st.floats(allow_nan=True, allow_infinity=True),
    overlap=st.floats(0, 1),
    disagreement=st.floats(allow_nan=True),
    mirrored=st.floats(allow_nan=True),
    status=st.sampled_from(SolverStatus),
)
def test_whatever_is_not_ok_has_a_reason_and_nan_is_never_ok(
    cost, gain, sigma, overlap, disagreement, mirrored, status
):
    evidence = GOOD._replace(
        status=status,
        cost=cost,
        gain=gain,
        sigma_mm=np.full(3, sigma),
        overlap=overlap,
        disagreement=disagreement,
        mirrored_ratio=mirrored,
        mirrored_cost=mirrored,
    )
    verdict, reason = judge(evidence, GateConfig())
    assert (verdict is Verdict.OK) == (reason == '')
    if np.isnan([cost, gain, sigma, disagreement]).any():
        assert verdict is not Verdict.OK


def test_the_blank_view_is_named_among_several():
    assert blank_reason([0.7, 0.8], GateConfig()) == ''
    assert 'view 2' in blank_reason([0.7, 0.02], GateConfig())
    assert 'the X-ray shows nothing' in blank_reason([float('nan')], GateConfig())
