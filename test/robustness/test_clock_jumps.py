"""Bags in a loop and clocks that jump: nothing from before a jump comes out after it."""

import pytest
from node_harness import CAMERA, held_pipeline, running
from ros_harness import values

from surgical_perception.geometry import se3
from surgical_perception.ros import stamps

S = stamps.NS_PER_S
BEGIN_S = 1_000
LOOPS = 20
PATIENT_FROM_CARM = se3.exp([0.1, -0.2, 0.3, 0.4, 0.5, -0.6])


def stamps_of(h):
    """Return the stamps of all results so far, in seconds."""
    return [stamps.from_text(values(s)['image_stamp']) / S for s in h.peer.statuses]


def shoot_without_info(h, stamp_ns):
    """Send an image whose camera_info has ended."""
    info, silent = h.peer.info, type('Silent', (), {'publish': lambda *_: None})()
    h.peer.info = silent
    h.peer.shoot(stamp_ns)
    h.peer.info = info


def test_twenty_loops_of_a_bag_in_which_camera_info_ends_early():
    with running(use_sim_time=True) as h:
        images = h.node.inputs.topics[0]
        for loop in range(LOOPS):
            for second in range(4):
                h.set_clock(BEGIN_S + second)
                shoot = h.peer.shoot if second < 2 else lambda ns: shoot_without_info(h, ns)
                shoot((BEGIN_S + second) * S)
                h.wait(lambda n=4 * loop + second + 1: images.count == n)
                good = 2 * loop + min(second + 1, 2)
                h.wait(lambda n=good: len(h.peer.statuses) == n)
        assert stamps_of(h) == [BEGIN_S, BEGIN_S + 1] * LOOPS
        # The images at the end have no partner; those of the last loop still wait for one.
        assert h.node.inputs.counts()['unmatched'] == 2 * (LOOPS - 1)
        assert h.node.worker.dropped == 0
        assert len(h.peer.poses) == 2 * LOOPS


def test_a_bag_in_a_loop_without_a_clock():
    """Wall time goes on and the stamps jump back: each loop is registered like the first."""
    with running() as h:
        for loop in range(LOOPS):
            for second in range(2):
                h.peer.shoot((BEGIN_S + second) * S)
                h.wait(lambda n=2 * loop + second + 1: len(h.peer.statuses) == n)
        assert stamps_of(h) == [BEGIN_S, BEGIN_S + 1] * LOOPS


@pytest.mark.parametrize('jump_s', [-1e-9, -1, -900])
def test_a_result_of_the_time_before_a_jump_never_comes_out(jump_s):
    pipeline = held_pipeline()
    with running(pipeline, use_sim_time=True) as h:
        h.set_clock(BEGIN_S)
        h.peer.shoot(BEGIN_S * S)
        h.wait(lambda: pipeline.calls)
        h.set_clock(BEGIN_S + jump_s)
        pipeline.hold.set()
        h.never(lambda: h.peer.statuses or h.peer.poses)
        assert h.node.worker.dropped == 1
        h.peer.shoot(int((BEGIN_S + jump_s) * S))
        h.wait(lambda: h.peer.poses and h.peer.statuses)
        assert values(h.peer.statuses[0])['start'] == 'multistart'


def test_a_jump_forward_ends_what_has_become_too_old():
    with running(use_sim_time=True, reference_frame='patient', tf__max_age_s=10.0) as h:
        h.set_clock(BEGIN_S)
        h.peer.broadcaster.send('patient', 'carm', BEGIN_S * S, PATIENT_FROM_CARM)
        h.peer.shoot(BEGIN_S * S, camera=CAMERA)
        h.wait(lambda: h.peer.transforms)
        h.set_clock(BEGIN_S + 5000)
        h.wait(lambda: 'max_age_s' in h.peer.report('tf')[1])
        newest = max(stamps.to_ns(t.header.stamp) for t in h.peer.transforms)
        assert newest < (BEGIN_S + 5000) * S
