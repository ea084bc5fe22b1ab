"""Which start a registration gets, and what is remembered of its result."""

from dataclasses import replace

import numpy as np
import pytest
from node_harness import FakePipeline

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from xray_registration.parameters import XrayRegistrationParameters
from xray_registration.result import Verdict
from xray_registration.session import RegistrationSession

S = 1_000_000_000
PARAMETERS = XrayRegistrationParameters()
GIVEN = se3.from_rotation_translation(np.eye(3), [0.0, 0.0, 0.9])


class Shots:
    """Registers shots of one view whose camera stands at `x_m` in the reference frame."""

    def __init__(self, parameters=PARAMETERS):
        self.pipeline = FakePipeline()
        self.session = RegistrationSession(self.pipeline)
        self.parameters = parameters

    def register(self, time_s, x_m=0.0, reference='patient'):
        pose = se3.from_rotation_translation(np.eye(3), [-x_m, 0.0, 0.0])
        view = type('View', (), {'camera_from_reference': pose})()
        return self.session.register([view], reference, int(time_s * S), self.parameters)

    @property
    def last_start(self):
        return self.pipeline.calls[-1][1]


def test_a_second_shot_starts_at_the_first_and_a_soon_one_is_tracked():
    shots = Shots()
    names = [shots.register(t).start_name for t in (1.0, 11.0, 11.2)]
    assert names == ['multistart', 'previous', 'tracking']
    assert shots.pipeline.tracked == 1


def test_a_tracked_shot_starts_where_constant_velocity_leads():
    shots = Shots()
    for time_s, x_m in ((1.0, 0.0), (1.1, 0.010), (1.2, 0.020)):
        shots.register(time_s, x_m)
    # Before the third shot the CT had moved 10 mm in 0.1 s.
    still = shots.pipeline.calls[0][1]
    assert still is None
    moved = shots.last_start[:3, 3] - shots.pipeline.calls[1][1][:3, 3]
    np.testing.assert_allclose(moved, [0.020, 0.0, 0.0], atol=1e-9)


def test_a_given_pose_wins_until_a_result_is_accepted():
    shots = Shots()
    shots.register(1.0)
    shots.session.give('patient', GIVEN)
    shots.pipeline.verdict = Verdict.REJECTED
    assert shots.register(1.1).start_name == 'initial_pose'
    shots.pipeline.verdict = Verdict.OK
    assert shots.register(1.2).start_name == 'initial_pose'
    np.testing.assert_allclose(shots.last_start, GIVEN)
    assert shots.session.given is None
    assert shots.register(1.3).start_name == 'tracking'


def test_a_given_pose_in_another_frame_is_dropped_with_a_note():
    shots = Shots()
    shots.session.give('map', GIVEN)
    first = shots.register(1.0)
    assert first.start_name == 'multistart'
    assert "'map'" in first.note
    assert shots.register(2.0).note == ''


def test_a_rejected_track_is_searched_for_at_once():
    shots = Shots()
    shots.register(1.0)
    shots.pipeline.verdict = Verdict.REJECTED
    result = shots.register(1.1)
    assert (result.start_name, result.accepted) == ('previous', False)
    assert shots.pipeline.tracked == 1
    assert len(shots.pipeline.calls) == 3


@pytest.mark.parametrize('allowed', [True, False])
def test_degraded_results_are_remembered_only_where_they_are_accepted(allowed):
    accept = replace(PARAMETERS.accept, degraded=allowed)
    shots = Shots(replace(PARAMETERS, accept=accept))
    shots.pipeline.verdict = Verdict.DEGRADED
    assert shots.register(1.0).accepted is allowed
    assert shots.register(9.0).start_name == ('previous' if allowed else 'multistart')


def test_another_reference_frame_or_a_clock_that_stands_still_is_not_tracked():
    shots = Shots()
    shots.register(1.0)
    assert shots.register(1.1, reference='table').start_name == 'multistart'
    assert shots.register(1.1, reference='table').start_name == 'previous'


def test_every_shot_is_registered_anew_where_the_user_says_so():
    tracking = replace(PARAMETERS.tracking, max_gap_s=0.0)
    shots = Shots(replace(PARAMETERS, tracking=tracking))
    assert [shots.register(t).start_name for t in (1.0, 1.1)] == ['multistart', 'previous']


def test_what_is_forgotten_during_a_registration_stays_forgotten():
    shots = Shots()
    register = shots.pipeline.register

    def forget_meanwhile(*args, **kwargs):
        shots.session.forget()
        return register(*args, **kwargs)

    shots.pipeline.register = forget_meanwhile
    shots.register(1.0)
    shots.pipeline.register = register
    assert shots.register(1.1).start_name == 'multistart'


def test_a_pose_farther_away_than_tf_can_say_is_refused_and_not_remembered():
    shots = Shots()
    with pytest.raises(InputError, match=r"pose of the CT in 'patient' is 1e\+08 m away"):
        shots.register(1.0, x_m=1e8)
    assert shots.register(1.1).start_name == 'multistart'
