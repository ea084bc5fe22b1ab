"""Bad input to the live node: a named state, no cloud, and a node that goes on."""

import dataclasses
import time

import numpy as np
import pytest
from endo_harness import (
    CAMERA,
    LEFT_FRAME,
    NODE,
    RIGHT_FRAME,
    STAMP_NS,
    Settings,
    held,
    running,
)
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.parameter import Parameter
from ros_harness import values
from std_srvs.srv import Trigger

from surgical_perception.clouds import cloud_from_message
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.ros.diagnostics import ERROR, OK, WARN

IN_MM = dataclasses.replace(CAMERA, baseline_m=4.0)
OTHER = dataclasses.replace(CAMERA, baseline_m=0.005)
UNCALIBRATED = dataclasses.replace(CAMERA, left=PinholeCamera(64, 48, 0, 0, 0, 0))
FLOATS = np.ones((48, 64), np.float32)
S, MS = 1_000_000_000, 1_000_000


class Every:
    """Calls `act(step)`, steps from 1, so seldom that queues of five hold what it sends."""

    def __init__(self, period_s, act):
        self._period_s, self._act = period_s, act
        self._step, self._next_s = 0, 0.0

    def go_on(self):
        """Act where it is time to; always true."""
        if time.monotonic() >= self._next_s:
            self._step += 1
            self._next_s = time.monotonic() + self._period_s
            self._act(self._step)
        return True


@pytest.mark.parametrize(
    ('reason', 'bad'),
    [
        ('swapped', {'swap': True}),
        ('millimetres', {'camera': IN_MM}),
        ('projection matrix', {'camera': UNCALIBRATED}),
        ('its camera_info is for 60x48', {'size': (60, 48)}),
        ('stamp 0', {'stamp_ns': 0}),
        ('frame_id', {'frame': ''}),
        ('leading slash', {'frame': '/endoscope'}),
        ('no colour image', {'pixels': FLOATS, 'encoding': '32FC1'}),
        ('NaN', {'pixels': FLOATS * np.nan, 'encoding': '32FC1'}),
    ],
)
def test_bad_pair_is_lost_with_its_reason_and_the_node_goes_on(reason, bad):
    with running() as h:
        h.peer.shoot(**({'stamp_ns': STAMP_NS} | bad))
        h.wait(lambda: h.peer.statuses)
        status = h.peer.statuses[0]
        assert status.level == ERROR and values(status)['state'] == 'LOST'
        assert reason in values(status)['reason']
        assert not h.peer.tracks and not h.settings.frames
        h.peer.shoot(STAMP_NS + 1)
        h.wait(lambda: h.peer.tracks)


def test_a_frozen_stamp_is_refused():
    with running() as h:
        for count in (1, 2):
            h.peer.shoot(STAMP_NS)
            h.wait(lambda count=count: len(h.peer.statuses) == count)
        assert 'frozen' in values(h.peer.statuses[1])['reason']
        assert len(h.peer.tracks) == 1


def test_another_calibration_restarts_with_a_reason_and_new_ids():
    with running() as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: len(h.peer.tracks) == 1)
        h.peer.shoot(STAMP_NS + 1, camera=OTHER)
        h.wait(lambda: len(h.peer.tracks) == 2)
        first, second = h.settings.made
        assert first.closed and second.camera == OTHER
        ids = [cloud_from_message(cloud)['track_id'].tolist() for cloud in h.peer.tracks]
        assert ids == [[0, 1, 2], [3, 4, 5]]


def test_baseline_is_compared_with_tf_where_tf_has_both_cameras():
    with running() as h:
        for baseline_m, count in ((0.006, 1), (0.00405, 2)):
            left_from_right = se3.from_rotation_translation(np.eye(3), [baseline_m, 0, 0])
            h.peer.broadcaster.send_static([(LEFT_FRAME, RIGHT_FRAME, left_from_right)])
            h.wait(
                lambda t=left_from_right: (
                    h.node._listener.can_transform(LEFT_FRAME, RIGHT_FRAME, 0)
                    and np.allclose(h.node._listener.lookup(LEFT_FRAME, RIGHT_FRAME, 0), t)
                )
            )
            h.peer.shoot(STAMP_NS + count)
            h.wait(lambda count=count: len(h.peer.statuses) == count)
        assert '4.00 mm by camera_info' in h.peer.statuses[0].message
        assert '6.00 mm' in h.peer.statuses[0].message
        assert h.peer.statuses[1].level == OK


def test_one_lost_camera_is_named():
    with running(input__lost_after_s=0.3) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.tracks)
        left = Every(0.02, lambda step: h.peer.send_eye('left', STAMP_NS + step))
        h.wait(lambda: left.go_on() and 'right/image_rect: silent' in h.peer.said)
        assert h.peer.statuses[-1].level == ERROR
        assert values(h.peer.statuses[-1])['state'] == 'LOST'
        assert len(h.peer.tracks) == 1
        h.wait(lambda: left.go_on() and h.peer.report('input')[0] == WARN)


def test_all_cameras_silent_is_lost_too():
    with running(input__lost_after_s=0.3) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.tracks)
        h.wait(lambda: 'all silent' in h.peer.said)
        h.peer.shoot(STAMP_NS + 1)
        h.wait(lambda: len(h.peer.tracks) == 2)


@pytest.mark.parametrize('before', [0, 1])
def test_stamps_that_do_not_match_are_named(before):
    with running(input__lost_after_s=0.3) as h:
        if before:
            h.peer.shoot(STAMP_NS)
            h.wait(lambda: h.peer.tracks)

        def shoot_apart(step):
            h.peer.send_eye('left', STAMP_NS + step * MS)
            h.peer.send_eye('right', STAMP_NS + step * MS + 20)

        apart = Every(0.02, shoot_apart)
        h.wait(lambda: apart.go_on() and 'do not match' in h.peer.said)
        assert 'input.sync_tolerance_s' in h.peer.said
        assert len(h.peer.tracks) == before


def test_stamps_within_the_tolerance_match():
    with running(input__sync_tolerance_s=0.004) as h:
        h.peer.send_eye('left', STAMP_NS)
        h.peer.send_eye('right', STAMP_NS + 3_000_000)
        h.wait(lambda: h.peer.tracks)


def test_silence_is_explained_before_the_first_pair_too():
    with running(connect=False, input__lost_after_s=0.3) as h:
        h.wait(lambda: h.peer.statuses)
        assert 'left/image_rect' in h.peer.statuses[0].message
        h.peer.destroy_publisher(h.peer.images['left'])
        h.wait(lambda: 'left/image_rect: no publisher' in h.peer.said)


def test_a_computation_that_hangs_is_named():
    settings = held()
    with running(settings, input__lost_after_s=0.3) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: settings.frames)
        shot = Every(0.05, lambda step: h.peer.shoot(STAMP_NS + step))
        h.wait(lambda: shot.go_on() and 'computation is busy' in h.peer.said)
        settings.hold.set()
        h.wait(lambda: h.peer.tracks)


def test_error_inside_the_computation_is_a_reason_too():
    settings = Settings()
    settings.error = ZeroDivisionError('by chance')
    with running(settings) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.statuses)
        assert 'ZeroDivisionError: by chance' in h.peer.statuses[0].message
        settings.error = None
        h.peer.shoot(STAMP_NS + 1)
        h.wait(lambda: h.peer.tracks)


def test_clock_that_jumps_back_forgets_everything_but_ids():
    with running(use_sim_time=True) as h:
        h.set_clock(100)
        h.peer.shoot(100 * S)
        h.wait(lambda: h.peer.tracks)
        h.set_clock(50)
        h.peer.shoot(51 * S)
        h.wait(lambda: len(h.peer.tracks) == 2)
        (pipeline,) = h.settings.made
        assert pipeline.resets == ['the clock jumped back']


def test_stamps_that_jump_back_without_a_clock_do_the_same():
    with running() as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.tracks)
        h.peer.shoot(STAMP_NS - S)
        h.wait(lambda: len(h.peer.tracks) == 2)
        assert h.settings.made[0].resets == ['stamps of the images jumped back']


def change(h, transition):
    request = ChangeState.Request(transition=Transition(id=transition))
    return h.call(ChangeState, f'{NODE}/change_state', request).success


def test_deactivation_while_computing_is_silent_and_cleanup_ends_the_pipeline():
    settings = held()
    with running(settings) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: settings.frames)
        assert change(h, Transition.TRANSITION_DEACTIVATE)
        assert not h.call(Trigger, f'{NODE}/save').success
        settings.hold.set()
        h.never(lambda: h.peer.statuses or h.peer.tracks)
        assert change(h, Transition.TRANSITION_CLEANUP)
        assert settings.made[0].closed
        assert change(h, Transition.TRANSITION_CONFIGURE)
        assert change(h, Transition.TRANSITION_ACTIVATE)
        h.connected().peer.shoot(STAMP_NS + 1)
        h.wait(lambda: h.peer.tracks)


def test_every_parameter_violation_is_reported():
    bad = {'camera_pose_source': 'tf', 'fit__host': 'cloud', 'points__grid': 501, 'devic': 'cpu'}
    with running(connect=False, **bad) as h:
        h.wait(lambda: h.node.failure)
        for part in ('world_frame is empty', "fit.host is 'cloud'", 'points.grid 501 is above'):
            assert part in h.node.failure
        assert 'did you mean device?' in h.node.failure
        h.wait(lambda: h.peer.report('compute')[0] == ERROR)


def test_live_parameters_change_while_the_node_runs():
    with running() as h:
        assert h.node.set_parameters([Parameter('points.max_age_s', value=1)])[0].successful
        assert not h.node.set_parameters([Parameter('fit.steps', value=3)])[0].successful
        assert h.node.config.points.max_age_s == 1.0


def test_failing_set_up_is_one_reason():
    def refuse(_parameters):
        raise InputError('device is cuda, but torch finds none')

    with running(make_pipeline=refuse, connect=False) as h:
        h.wait(lambda: h.node.failure)
        assert h.node.failure == 'cannot configure: device is cuda, but torch finds none'
        assert h.node.state == 'unconfigured'
