"""Bad input: a reason, no output, and a node that goes on."""

import numpy as np
import pytest
from geometry_msgs.msg import PoseWithCovarianceStamped
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from node_harness import CAMERA, NODE, FakePipeline, held_pipeline, running
from rclpy.parameter import Parameter
from ros_harness import values
from sensor_msgs.msg import Image

from surgical_perception.errors import InputError
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.ros import qos, stamps
from surgical_perception.ros.diagnostics import ERROR, OK, WARN

STAMP_NS = 1_700_000_000_000_000_000
GOOD = np.full((48, 64), 1000, np.uint16)
NAN = np.full((48, 64), np.nan, np.float32)


@pytest.mark.parametrize(
    ('reason', 'bad'),
    [
        ('64x48', {'camera': PinholeCamera(60, 48, 300, 300, 29.5, 23.5)}),
        ('K[0] = 0', {'camera': PinholeCamera(64, 48, 0, 0, 0, 0)}),
        ('principal point', {'camera': PinholeCamera(64, 48, 300, 300, 500, 23.5)}),
        ('stamp 0', {'stamp_ns': 0}),
        ('frame_id', {'frame': ''}),
        ('leading slash', {'frame': '/carm'}),
        ('NaN', {'pixels': NAN, 'encoding': '32FC1'}),
        ('no positive pixel', {'pixels': GOOD * 0}),
        ('channel', {'pixels': np.zeros((48, 64, 3), np.uint8), 'encoding': 'rgb8'}),
    ],
)
def test_bad_message_is_refused_with_its_reason_and_the_node_goes_on(reason, bad):
    with running() as h:
        h.peer.shoot(**({'stamp_ns': STAMP_NS} | bad))
        h.wait(lambda: h.peer.statuses)
        assert h.peer.statuses[0].level == ERROR
        assert reason in values(h.peer.statuses[0])['reason']
        assert not h.peer.poses and not h.peer.transforms and not h.pipeline.calls
        h.peer.shoot(STAMP_NS + 1)
        h.wait(lambda: h.peer.poses)


def test_error_inside_the_computation_is_a_reason_too():
    pipeline = FakePipeline()
    pipeline.error = ZeroDivisionError('by chance')
    with running(pipeline) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.statuses)
        assert 'ZeroDivisionError: by chance' in h.peer.statuses[0].message
        pipeline.error = None
        h.peer.shoot(STAMP_NS + 1)
        h.wait(lambda: h.peer.poses)


def start_pose(frame, w=1.0):
    message = PoseWithCovarianceStamped()
    message.header.frame_id = frame
    stamps.fill(message.header.stamp, STAMP_NS)
    message.pose.pose.position.z = 0.9
    message.pose.pose.orientation.w = w
    return message


def test_initial_pose_starts_registrations_until_one_is_accepted():
    pipeline = FakePipeline()
    with running(pipeline, reference_frame='carm') as h:
        h.peer.start.publish(start_pose('carm'))
        h.wait(lambda: h.node._session.given)
        for count in (1, 2):
            h.peer.shoot(STAMP_NS + count * 1_000_000_000)
            h.wait(lambda count=count: len(h.peer.statuses) == count)
        assert pipeline.calls[0][1][2, 3] == 0.9
        assert [values(s)['start'] for s in h.peer.statuses] == ['initial_pose', 'previous']


@pytest.mark.parametrize('message', [start_pose('map'), start_pose('carm', w=2.0)])
def test_initial_pose_in_another_frame_or_without_unit_quaternion_is_ignored(message):
    with running(reference_frame='carm') as h:
        h.peer.start.publish(message)
        h.wait(lambda: h.node._start_input.count)
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.statuses)
        assert values(h.peer.statuses[0])['start'] == 'multistart'


def test_initial_pose_is_checked_against_the_frame_of_the_first_image():
    with running() as h:
        h.peer.start.publish(start_pose('map'))
        h.wait(lambda: h.node._session.given)
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.statuses)
        assert values(h.peer.statuses[0])['start'] == 'multistart'
        assert h.pipeline.calls[0][1] is None


def test_a_bad_image_says_nothing_about_the_frame_of_a_start_pose():
    with running() as h:
        h.peer.shoot(STAMP_NS, frame='')
        h.wait(lambda: h.peer.statuses)
        h.peer.start.publish(start_pose('carm'))
        h.wait(lambda: h.node._session.given)
        h.peer.shoot(STAMP_NS + 1)
        h.wait(lambda: len(h.peer.statuses) == 2)
        assert values(h.peer.statuses[1])['start'] == 'initial_pose'


def test_every_parameter_violation_is_reported_and_the_node_can_be_corrected():
    bad = {'tf__rate_hz': 1000.0, 'init': 'network', 'ct__pth': '/ct.nii', 'views': 3}
    with running(connect=False, **bad) as h:
        h.wait(lambda: h.node.failure)
        for part in ('tf.rate_hz is 1000.0, expected 0.1 to 100 Hz', 'network', 'views is 3'):
            assert part in h.node.failure
        assert 'did you mean ct.path?' in h.node.failure
        h.wait(lambda: h.peer.report('compute')[0] == ERROR)


def test_corrected_parameters_let_the_node_start():
    with running(connect=False, intensity='dark') as h:
        h.wait(lambda: h.node.failure)
        assert 'one of raw, log, inverted' in h.node.failure
        assert h.node.set_parameters([Parameter('intensity', value='log')])[0].successful
        for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
            request = ChangeState.Request(transition=Transition(id=transition))
            assert h.call(ChangeState, f'{NODE}/change_state', request).success
        h.connected().peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.poses)


def test_parameters_that_are_read_at_configure_cannot_be_set_later():
    with running() as h:
        for name, value in (('intensity', 'log'), ('tf.max_age_s', -1.0), ('tf.max_age_s', 'x')):
            result = h.node.set_parameters([Parameter(name, value=value)])[0]
            assert not result.successful and name in result.reason
        assert h.node.config.tf.max_age_s == 600


def test_integer_serves_for_a_double():
    with running(tf__max_age_s=30) as h:
        assert h.node.config.tf.max_age_s == 30.0


def test_failing_set_up_is_one_reason():
    def make_pipeline(_parameters):
        raise InputError('the CT has a slice gap')

    with running(make_pipeline=make_pipeline, connect=False) as h:
        h.wait(lambda: h.node.failure)
        assert h.node.failure == 'cannot configure: the CT has a slice gap'
        h.wait(lambda: h.peer.report('result') == (ERROR, h.node.failure))
        assert h.node.state == 'unconfigured'


def test_deactivation_while_computing_is_silent_and_reversible():
    pipeline = held_pipeline()

    def change(transition):
        request = ChangeState.Request(transition=Transition(id=transition))
        return h.call(ChangeState, f'{NODE}/change_state', request).success

    with running(pipeline) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: pipeline.calls)
        assert change(Transition.TRANSITION_DEACTIVATE)
        pipeline.hold.set()
        h.never(lambda: h.peer.statuses or h.peer.poses)
        assert change(Transition.TRANSITION_CLEANUP)
        assert h.node._pipeline is None
        assert change(Transition.TRANSITION_CONFIGURE) and change(Transition.TRANSITION_ACTIVATE)
        h.connected().peer.shoot(STAMP_NS + 1)
        h.wait(lambda: h.peer.poses)


def test_silence_is_explained_by_its_cause():
    with running(input__timeout_s=0.5) as h:
        assert h.node.inputs.causes() == [
            '/image_rect: published, but silent',
            '/camera_info: published, but silent',
        ]
        h.peer.image.publish(Image())
        h.wait(lambda: h.node.inputs.topics[0].count)
        assert h.node.inputs.causes() == ['/camera_info: published, but silent']
        h.peer.destroy_publisher(h.peer.info)
        h.wait(lambda: 'no publisher' in h.node.inputs.causes()[0])
        h.wait(lambda: h.peer.report('input')[0] == WARN)


def test_a_topic_that_was_not_remapped_is_named():
    with running(connect=False) as h:
        h.wait(lambda: h.node.state == 'active')
        h.peer.destroy_publisher(h.peer.image)
        h.peer.create_publisher(Image, '/carm/image', 1)
        h.wait(lambda: '/carm/image: remap?' in h.node.inputs.causes()[0])


def test_stamps_that_never_match_are_named():
    with running() as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.statuses)
        assert h.node.inputs.causes() == []
    with running() as h:
        image = Image()
        stamps.fill(image.header.stamp, STAMP_NS)
        h.peer.image.publish(image)
        info = h.peer.info.msg_type()
        stamps.fill(info.header.stamp, STAMP_NS + 250_000_000)
        h.peer.info.publish(info)
        h.wait(lambda: 'stamps never match' in ''.join(h.node.inputs.causes()))
        assert '0.25 s apart' in h.node.inputs.causes()[0]


def test_incompatible_qos_is_named():
    override = {'qos_overrides./image_rect.subscription.reliability': 'reliable'}
    with running(connect=False, **override) as h:
        h.wait(lambda: h.node.state == 'active')
        h.wait(lambda: 'incompatible QoS' in h.node.inputs.causes()[0])
    assert qos.SENSOR.reliability.name == 'BEST_EFFORT'


def test_one_camera_info_serves_in_latest_mode():
    with running(camera_info_mode='latest') as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.poses)
        h.peer.destroy_publisher(h.peer.info)
        h.peer.info = h.peer.create_publisher(h.peer.info.msg_type, 'elsewhere', 1)
        h.peer.shoot(STAMP_NS + 1)
        h.wait(lambda: len(h.peer.poses) == 2)
        assert h.pipeline.calls[1][0][0].camera == CAMERA


def test_diagnostics_name_every_part():
    with running() as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.report('result') == (OK, 'OK'))
        names = [status.name for status in h.peer.diagnostics[-1].status]
        parts = ('input', 'tf', 'compute', 'result', 'memory')
        assert names == [f'xray_registration_node: {part}' for part in parts]
