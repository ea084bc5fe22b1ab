"""TF that is late, that stops, that is torn apart: no pose from such an image."""

import time

import numpy as np
import pytest
from node_harness import CARM_FROM_CT, running

from surgical_perception.geometry import se3
from surgical_perception.ros import stamps
from surgical_perception.ros.diagnostics import ERROR
from surgical_perception.ros.validation import validate_pose

S = stamps.NS_PER_S
PATIENT_FROM_CARM = se3.exp([0.1, -0.2, 0.3, 0.4, 0.5, -0.6])


@pytest.fixture
def tracked():
    with running(reference_frame='patient', tf__timeout_s=0.0) as h:
        yield h


@pytest.fixture
def begin_ns():
    """Now: a pose is broadcast for 600 s only, and the tests before this one may take longer."""
    return time.time_ns()


def send(h, stamp_ns, parent='patient', child='carm', pose=PATIENT_FROM_CARM):
    """Send a transform and wait until the node has it."""
    h.peer.broadcaster.send(parent, child, stamp_ns, pose)
    h.wait(lambda: h.node._listener.can_transform(parent, child, stamp_ns))


def shoot(h, stamp_ns):
    """Send an image; return its status."""
    count = len(h.peer.statuses)
    h.peer.shoot(stamp_ns)
    h.wait(lambda: len(h.peer.statuses) > count)
    return h.peer.statuses[-1]


def assert_refused(h, stamp_ns):
    poses = len(h.peer.poses)
    status = shoot(h, stamp_ns)
    assert status.level == ERROR and 'TF missing' in status.message
    assert len(h.peer.poses) == poses


def assert_registered(h, stamp_ns):
    poses = len(h.peer.poses)
    assert shoot(h, stamp_ns).level != ERROR
    h.wait(lambda: len(h.peer.poses) > poses)
    found = validate_pose(h.peer.poses[-1].pose.pose)
    np.testing.assert_allclose(found, PATIENT_FROM_CARM @ CARM_FROM_CT, atol=1e-9)


def test_an_image_whose_transform_came_too_late_stays_refused(tracked, begin_ns):
    assert_refused(tracked, begin_ns)
    send(tracked, begin_ns)
    tracked.never(lambda: tracked.peer.poses or tracked.peer.transforms, 0.2)
    assert_registered(tracked, begin_ns)


def test_a_tracker_that_loses_sight_and_finds_it_again(tracked, begin_ns):
    send(tracked, begin_ns)
    assert_registered(tracked, begin_ns)
    for second in range(1, 4):
        assert_refused(tracked, begin_ns + second * S)
    tracked.wait(lambda: tracked.peer.report('tf')[0] == ERROR)
    send(tracked, begin_ns + 5 * S)
    assert_registered(tracked, begin_ns + 5 * S)
    tracked.wait(lambda: tracked.peer.report('tf')[0] != ERROR)


def test_images_from_before_the_first_transform(tracked, begin_ns):
    send(tracked, begin_ns)
    assert_refused(tracked, begin_ns - 1)


def test_a_carm_that_is_hung_into_another_tree(tracked, begin_ns):
    send(tracked, begin_ns)
    assert_registered(tracked, begin_ns)
    send(tracked, begin_ns + S, parent='other_room')
    assert_refused(tracked, begin_ns + S)
