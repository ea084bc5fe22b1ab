from dataclasses import replace

import pytest

from surg_invnerf.live.config import HealthConfig
from surg_invnerf.live.health import Signs, judge
from surg_invnerf.live.result import State

GOOD = Signs('', (), 100, 90, 95, 0, True, True, 0.5, 3e-4)


@pytest.mark.parametrize(
    ('change', 'state', 'word'),
    [
        ({}, State.TRACKING, ''),
        ({'answered': False}, State.BOOT, 'not answered yet'),
        ({'fitting': False, 'answered': False}, State.TRACKING, ''),
        ({'lost': 'both images are blank'}, State.LOST, 'blank'),
        ({'seen': 3}, State.LOST, '3 of 100 points'),
        ({'seen': 20}, State.DEGRADED, '20 of 95 points in view'),
        ({'seen': 20, 'in_view': 22}, State.TRACKING, ''),
        ({'points': 0, 'seen': 0, 'in_view': 0}, State.DEGRADED, 'add queries'),
        ({'points': 2, 'seen': 2, 'in_view': 2}, State.TRACKING, ''),
        ({'degraded': ('smoke', 'no pose')}, State.DEGRADED, 'smoke; no pose'),
        ({'late': 12}, State.DEGRADED, '12 points'),
        ({'fit_age_s': 60.0}, State.DEGRADED, '60.0 s old'),
        ({'disagreement_m': 5e-3}, State.DEGRADED, '5.0 mm'),
        ({'disagreement_m': float('nan')}, State.TRACKING, ''),
        ({'lost': 'blank', 'degraded': ('it died',)}, State.LOST, 'blank; it died'),
    ],
)
def test_signs_and_states(change, state, word):
    found, reason = judge(replace(GOOD, **change), HealthConfig())
    assert found is state
    assert word in reason
    assert bool(reason) == (state is not State.TRACKING)
