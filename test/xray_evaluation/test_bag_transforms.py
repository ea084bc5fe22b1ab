"""TF of a bag answers as that of a listening node: what is recorded later is not known yet."""

import numpy as np
import pytest

from surgical_perception import bag_messages
from surgical_perception.bags import BagWriter
from surgical_perception.geometry import se3
from surgical_perception.ros.transform_errors import ExtrapolationError, LookupTransformError
from xray_registration.evaluation.bag_transforms import BagTransforms

S = 1_000_000_000
TOPICS = ('/tf', '/tf_static')


def at(x):
    return se3.exp([x, 0, 0, 0, 0, 0])


@pytest.fixture
def bag(tmp_path):
    """TF from 10 s to 12 s with a gap, received 0.1 s after its stamp; one that is no rotation."""
    with BagWriter(tmp_path / 'bag') as writer:
        for name in TOPICS:
            writer.add_topic(name, 'tf2_msgs/msg/TFMessage')
        writer.write('/tf_static', 10 * S, bag_messages.tf(10 * S, 'world', 'patient', at(1)))
        for tenth in (100, 101, 102, 103, 115, 120):
            message = bag_messages.tf(tenth * S // 10, 'patient', 'carm', at(tenth / 10))
            writer.write('/tf', (tenth + 1) * S // 10, message)
        bad = bag_messages.tf(12 * S, 'patient', 'tool', at(0))
        bad.transforms[0].transform.rotation.w = 2.0
        writer.write('/tf', 122 * S // 10, bad)
    return tmp_path / 'bag'


def x_of(transforms, stamp, bag_time, timeout_s=0.0, target='patient'):
    found = transforms.lookup(target, 'carm', int(stamp * S), int(bag_time * S), timeout_s)
    return found[0, 3]


def test_a_lookup_interpolates_and_waits_as_long_as_it_may(bag):
    with BagTransforms(bag, TOPICS) as transforms:
        with pytest.raises(ExtrapolationError):
            x_of(transforms, 10.05, 10.1)
        assert x_of(transforms, 10.05, 10.1, timeout_s=0.2) == pytest.approx(10.05)
        assert x_of(transforms, 10.05, 10.1, target='world') == pytest.approx(11.05)
        # The end of the gap comes 1.2 s later.
        with pytest.raises(ExtrapolationError):
            x_of(transforms, 10.4, 10.45, timeout_s=1.1)
        assert x_of(transforms, 10.4, 10.45, timeout_s=1.2) == pytest.approx(10.4)


def test_static_transforms_hold_and_bad_ones_are_counted(bag):
    with BagTransforms(bag, TOPICS) as transforms:
        with pytest.raises(LookupTransformError, match="'tool' does not exist"):
            transforms.lookup('patient', 'tool', 12 * S, 20 * S, 0.0)
        np.testing.assert_allclose(transforms.lookup('world', 'patient', S, 20 * S, 0), at(1))
        assert transforms.ignored == 1


def test_a_bag_without_tf_says_that_the_frame_does_not_exist(bag):
    with BagTransforms(bag, ()) as transforms, pytest.raises(LookupTransformError):
        x_of(transforms, 10, 20)
