"""The tracked C-arm: TF in, TF out, and when the broadcast ends."""

import numpy as np
from node_harness import CARM_FROM_CT, NODE, running
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from surgical_perception.geometry import se3
from surgical_perception.ros import stamps
from surgical_perception.ros.diagnostics import ERROR, OK
from surgical_perception.ros.transforms import pose_from_transform

TRACKED = {'reference_frame': 'patient', 'tf__rate_hz': 50.0}
PATIENT_FROM_CARM = se3.exp([0.1, -0.2, 0.3, 0.4, 0.5, -0.6])
S = stamps.NS_PER_S


def now_ns(h):
    return h.peer.get_clock().now().nanoseconds


def shoot_tracked(h, stamp_ns):
    """Send an image, and the pose of the C-arm at its stamp only."""
    h.peer.broadcaster.send('patient', 'carm', stamp_ns, PATIENT_FROM_CARM)
    h.peer.shoot(stamp_ns)
    h.wait(lambda: h.peer.statuses)


def test_tracked_pose_is_composed_at_the_image_stamp_and_broadcast_again():
    with running(**TRACKED) as h:
        stamp_ns = now_ns(h)
        shoot_tracked(h, stamp_ns)
        h.wait(lambda: len(h.peer.transforms) >= 4)
        first, *again = h.peer.transforms
        assert stamps.to_ns(first.header.stamp) == stamp_ns
        sent_ns = [stamps.to_ns(transform.header.stamp) for transform in h.peer.transforms]
        assert sent_ns == sorted(set(sent_ns))
        expected = PATIENT_FROM_CARM @ CARM_FROM_CT
        for transform in (first, *again):
            assert transform.header.frame_id == 'patient'
            np.testing.assert_allclose(
                pose_from_transform(transform.transform), expected, atol=1e-12
            )
        np.testing.assert_allclose(
            h.pipeline.calls[0][0][0].camera_from_reference, se3.inverse(PATIENT_FROM_CARM)
        )


def test_a_transform_that_comes_after_the_image_is_waited_for():
    with running(**TRACKED, tf__timeout_s=5.0) as h:
        stamp_ns = now_ns(h)
        h.peer.shoot(stamp_ns)
        h.wait(lambda: h.node.worker.busy)
        h.never(lambda: h.peer.statuses, 0.1)
        h.peer.broadcaster.send('patient', 'carm', stamp_ns, PATIENT_FROM_CARM)
        h.wait(lambda: h.peer.poses)


def test_missing_tf_is_a_reason_and_never_an_identity():
    with running(**TRACKED, tf__timeout_s=0.1) as h:
        h.peer.broadcaster.send('patient', 'carm', now_ns(h) - 20 * S, PATIENT_FROM_CARM)
        h.peer.shoot(now_ns(h))
        h.wait(lambda: h.peer.statuses)
        assert h.peer.statuses[0].level == ERROR
        assert 'TF missing' in h.peer.statuses[0].message
        assert h.pipeline.calls == []
        h.never(lambda: h.peer.poses or h.peer.transforms)
        h.wait(lambda: h.peer.report('tf')[0] == ERROR)


def test_broadcast_ends_when_the_image_is_too_old():
    with running(**TRACKED, use_sim_time=True, tf__max_age_s=2.0) as h:
        h.set_clock(100)
        shoot_tracked(h, 100 * S)
        h.set_clock(101.9)
        h.wait(lambda: stamps.to_ns(h.peer.transforms[-1].header.stamp) == int(101.9 * S))
        h.set_clock(102.1)
        h.wait(lambda: h.peer.report('tf')[0] == ERROR)
        assert 'max_age_s' in h.peer.report('tf')[1]
        h.set_clock(103)
        h.never(lambda: stamps.to_ns(h.peer.transforms[-1].header.stamp) > int(101.9 * S))


def test_age_limit_may_be_changed_while_the_node_runs():
    with running(**TRACKED, use_sim_time=True, tf__max_age_s=0.0) as h:
        h.set_clock(100)
        shoot_tracked(h, 100 * S)
        h.set_clock(5000)
        h.wait(lambda: stamps.to_ns(h.peer.transforms[-1].header.stamp) == 5000 * S)
        assert h.node.set_parameters([Parameter('tf.max_age_s', value=10)])[0].successful
        h.wait(lambda: h.peer.report('tf')[0] == ERROR)


def test_reset_ends_the_broadcast():
    with running(**TRACKED) as h:
        shoot_tracked(h, now_ns(h))
        h.wait(lambda: len(h.peer.transforms) > 2 and h.peer.report('tf')[0] == OK)
        assert h.call(Trigger, f'{NODE}/reset').success
        h.wait(lambda: h.peer.report('tf')[0] == ERROR)
        count = len(h.peer.transforms)
        h.never(lambda: len(h.peer.transforms) > count)


def test_clock_that_jumps_back_clears_everything_and_the_node_goes_on():
    with running(**TRACKED, use_sim_time=True) as h:
        h.set_clock(100)
        shoot_tracked(h, 100 * S)
        h.set_clock(50)
        h.wait(lambda: 'jumped back' in h.peer.report('tf')[1])
        count = len(h.peer.transforms)
        h.set_clock(51)
        h.never(lambda: len(h.peer.transforms) > count)
        h.peer.statuses.clear()
        shoot_tracked(h, 51 * S)
        h.wait(lambda: len(h.peer.poses) == 2)
        assert [start for _, start in h.pipeline.calls] == [None, None]


def test_jump_of_the_reference_in_the_anchor_frame_ends_the_broadcast():
    with running(**TRACKED, tf__anchor_frame='tracker', tf__max_jump_mm=10) as h:
        tracker_from_patient = np.eye(4)
        h.peer.broadcaster.send('tracker', 'patient', now_ns(h), tracker_from_patient)
        shoot_tracked(h, now_ns(h))
        h.wait(lambda: len(h.peer.transforms) > 5)
        for _ in range(5):  # a table that moves is no jump
            tracker_from_patient[0, 3] += 0.008
            count = len(h.peer.transforms)
            h.peer.broadcaster.send('tracker', 'patient', now_ns(h), tracker_from_patient)
            h.wait(lambda count=count: len(h.peer.transforms) > count + 3)
        tracker_from_patient[0, 3] += 0.02
        h.peer.broadcaster.send('tracker', 'patient', now_ns(h), tracker_from_patient)
        h.wait(lambda: 'jumped' in h.peer.report('tf')[1])
        assert h.peer.report('tf')[0] == ERROR
        assert not h.node._broadcast.active
