"""Masks on a topic of the real node, beside its images."""

import numpy as np
import pytest
from node_harness import running
from ros_harness import values
from sensor_msgs.msg import Image

from surgical_perception.images import fill_image_message
from surgical_perception.ros import qos, stamps

STAMP_NS = 1_700_000_000_000_000_000
SHAPE = (48, 64)


def send_mask(harness, publisher, stamp_ns, pixels):
    """Publish a mask and wait until the node has it."""
    node, masks = harness.node, harness.node._masks
    before = masks._came['carm']
    message = fill_image_message(Image(), pixels, 'mono8')
    message.header.frame_id = 'carm'
    stamps.fill(message.header.stamp, stamp_ns)
    publisher.publish(message)
    harness.wait(lambda: node._masks is masks and masks._came['carm'] is not before)


@pytest.fixture
def masked():
    """A running node and a publisher of masks that it has found."""
    with running() as harness:
        publisher = harness.peer.create_publisher(Image, 'mask', qos.SENSOR)
        harness.wait(publisher.get_subscription_count)
        harness.wait(lambda: harness.node.count_publishers('mask'))
        yield harness, publisher


def test_a_mask_of_the_same_stamp_reaches_the_registration_and_is_named(masked):
    harness, publisher = masked
    pixels = np.full(SHAPE, 255, np.uint8)
    pixels[:, 10:30] = 0
    send_mask(harness, publisher, STAMP_NS, pixels)
    harness.peer.shoot(STAMP_NS)
    harness.wait(lambda: harness.peer.statuses)
    (views, _), *_ = harness.pipeline.calls
    np.testing.assert_array_equal(views[0].mask, pixels > 0)
    assert values(harness.peer.statuses[0])['mask'] == 'given'


def test_without_a_mask_the_automatic_one_is_made(masked):
    harness, _ = masked
    harness.peer.shoot(STAMP_NS)
    harness.wait(lambda: harness.peer.statuses)
    (views, _), *_ = harness.pipeline.calls
    assert views[0].mask.shape == SHAPE
    assert values(harness.peer.statuses[0])['mask'].startswith('collimator ')


def test_a_mask_of_another_size_rejects_the_shot_with_the_reason(masked):
    harness, publisher = masked
    send_mask(harness, publisher, STAMP_NS, np.ones((20, 20), np.uint8))
    harness.peer.shoot(STAMP_NS)
    harness.wait(lambda: harness.peer.statuses)
    status = values(harness.peer.statuses[0])
    assert status['verdict'] == 'REJECTED'
    assert 'mask of view carm is 20x20 but its image is 64x48' in status['reason']
    assert not harness.pipeline.calls


def test_masks_are_flipped_with_their_images():
    with running(image_flip='horizontal', masks__automatic=False) as harness:
        publisher = harness.peer.create_publisher(Image, 'mask', qos.SENSOR)
        harness.wait(publisher.get_subscription_count)
        harness.wait(lambda: harness.node.count_publishers('mask'))
        pixels = np.zeros(SHAPE, np.uint8)
        pixels[:, :20] = 1
        send_mask(harness, publisher, STAMP_NS, pixels)
        harness.peer.shoot(STAMP_NS)
        harness.wait(lambda: harness.peer.statuses)
        (views, _), *_ = harness.pipeline.calls
        np.testing.assert_array_equal(views[0].mask, pixels[:, ::-1] > 0)
