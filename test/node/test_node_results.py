"""What comes out of the node for results of every verdict, over real DDS."""

import numpy as np
import pytest
from node_harness import CARM_FROM_CT, NODE, FakePipeline, held_pipeline, running
from ros_harness import values
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool, Trigger
from visualization_msgs.msg import Marker

from surgical_perception.geometry import se3
from surgical_perception.ros import qos, stamps
from surgical_perception.ros.diagnostics import ERROR, OK, WARN
from surgical_perception.ros.transforms import pose_from_transform
from surgical_perception.ros.validation import validate_pose
from xray_registration.result import Verdict

STAMP_NS = 1_700_000_000_123_456_789


def test_accepted_result_goes_out_with_the_stamp_and_frame_of_the_image():
    with running() as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.poses and h.peer.statuses and h.peer.transforms)
        pose, transform, status = h.peer.poses[0], h.peer.transforms[0], h.peer.statuses[0]
        for header in (pose.header, transform.header):
            assert stamps.to_ns(header.stamp) == STAMP_NS
            assert header.frame_id == 'carm'
        np.testing.assert_allclose(validate_pose(pose.pose.pose), CARM_FROM_CT, atol=1e-12)
        np.testing.assert_allclose(
            pose_from_transform(transform.transform), CARM_FROM_CT, atol=1e-12
        )
        np.testing.assert_allclose(np.diag(pose.pose.covariance.reshape(6, 6)) * 1e6, range(1, 7))
        assert status.level == OK
        assert values(status)['image_stamp'] == stamps.text(STAMP_NS)
        assert values(status)['iterations'] == '12'
        assert values(status)['sigma_depth_mm'] == '1.5'


def test_untracked_pose_is_sent_at_the_image_stamp_only():
    with running(tf__rate_hz=50.0) as h:
        h.peer.shoot(h.node.get_clock().now().nanoseconds)
        h.wait(lambda: h.peer.transforms)
        h.never(lambda: len(h.peer.transforms) > 1)


@pytest.mark.parametrize('verdict', [Verdict.REJECTED, Verdict.DEGRADED])
def test_refused_result_has_a_status_but_no_pose_and_no_tf(verdict):
    pipeline = FakePipeline(verdict, 'the CT does not match')
    with running(pipeline, accept__degraded=False) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.statuses)
        assert h.peer.statuses[0].level == (ERROR if verdict is Verdict.REJECTED else WARN)
        assert values(h.peer.statuses[0])['reason'] == 'the CT does not match'
        h.never(lambda: h.peer.poses or h.peer.transforms)


def test_degraded_result_goes_out_with_a_warning():
    with running(FakePipeline(Verdict.DEGRADED, 'depth is uncertain')) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.poses and h.peer.transforms and h.peer.statuses)
        assert h.peer.statuses[0].level == WARN


def test_the_next_registration_starts_at_the_last_accepted_pose():
    with running() as h:
        for count in (1, 2):
            h.peer.shoot(STAMP_NS + count * stamps.NS_PER_S)
            h.wait(lambda count=count: len(h.peer.statuses) == count)
        assert [values(s)['start'] for s in h.peer.statuses] == ['multistart', 'previous']
        assert h.pipeline.calls[0][1] is None
        np.testing.assert_allclose(h.pipeline.calls[1][1], CARM_FROM_CT)


def test_init_pose_is_the_start_where_init_says_so():
    with running(init='parameter', init_pose=[0, 0, 1, 0, 0, 0, 1]) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.statuses)
        assert values(h.peer.statuses[0])['start'] == 'parameter'
        expected = se3.from_rotation_translation(np.eye(3), [0, 0, 1])
        np.testing.assert_allclose(h.pipeline.calls[0][1], expected)


def test_latest_image_wins_while_the_worker_is_busy():
    pipeline = held_pipeline()
    with running(pipeline) as h:
        for index in range(4):
            h.peer.shoot(STAMP_NS + index)
            h.wait(lambda index=index: h.node.inputs.topics[0].count == index + 1)
            h.wait(lambda: pipeline.calls)
        pipeline.hold.set()
        h.wait(lambda: len(h.peer.statuses) == 2)
        stamp_texts = [values(status)['image_stamp'] for status in h.peer.statuses]
        assert stamp_texts == [stamps.text(STAMP_NS), stamps.text(STAMP_NS + 3)]
        assert h.node.worker.dropped == 2


def test_pictures_are_drawn_only_for_subscribers():
    with running() as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.statuses and not h.node.worker.busy)
        assert h.pipeline.drawn == []
        overlays = h.peer.collect(Image, f'{NODE}/overlay', 1)
        h.wait(lambda: h.node.count_subscribers(f'{NODE}/overlay'))
        h.peer.shoot(STAMP_NS + 1)
        h.wait(lambda: overlays)
        assert h.pipeline.drawn == ['overlay']
        assert (overlays[0].encoding, overlays[0].width, overlays[0].height) == ('rgb8', 64, 48)
        assert stamps.to_ns(overlays[0].header.stamp) == STAMP_NS + 1


def test_a_late_subscriber_gets_the_surface():
    with running() as h:
        markers = h.peer.collect(Marker, f'{NODE}/ct_surface', qos.LATCHED)
        h.wait(lambda: markers)
        assert markers[0].header.frame_id == 'ct'
        assert markers[0].type == Marker.TRIANGLE_LIST
        assert len(markers[0].points) == 3


def test_register_answers_with_the_status_text():
    pipeline = FakePipeline(Verdict.DEGRADED, 'depth is uncertain')
    with running(pipeline, enabled=False) as h:
        answer = h.call(Trigger, f'{NODE}/register')
        assert not answer.success and 'no image' in answer.message
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.node.inputs.topics[0].count == 1)
        h.never(lambda: pipeline.calls, 0.1)
        answer = h.call(Trigger, f'{NODE}/register')
        assert answer.success and answer.message == 'DEGRADED: depth is uncertain'
        pipeline.verdict = Verdict.REJECTED
        answer = h.call(Trigger, f'{NODE}/register')
        assert not answer.success and answer.message.startswith('REJECTED')


def test_enable_switches_automatic_registration():
    with running() as h:
        assert h.call(SetBool, f'{NODE}/enable', SetBool.Request(data=False)).success
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.node.inputs.topics[0].count == 1)
        h.never(lambda: h.pipeline.calls, 0.1)
        assert h.call(SetBool, f'{NODE}/enable', SetBool.Request(data=True)).success
        h.peer.shoot(STAMP_NS + 1)
        h.wait(lambda: h.peer.poses)


def test_reset_while_computing_discards_the_result_and_answers_the_caller():
    pipeline = held_pipeline()
    with running(pipeline) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: pipeline.calls)
        assert h.call(Trigger, f'{NODE}/reset').success
        pipeline.hold.set()
        h.never(lambda: h.peer.poses or h.peer.transforms or h.peer.statuses)
        h.peer.shoot(STAMP_NS + 1)
        h.wait(lambda: h.peer.poses and h.peer.statuses)
        assert values(h.peer.statuses[0])['start'] == 'multistart'
