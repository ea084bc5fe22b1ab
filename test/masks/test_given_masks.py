"""Which mask serves an image: the closest in time, a file where none came, or none."""

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import Image

from surgical_perception.errors import InputError
from surgical_perception.images import fill_image_message
from surgical_perception.parameters import build
from surgical_perception.ros import stamps
from xray_registration.masks.given import GivenMasks
from xray_registration.parameters import XrayRegistrationParameters

SECOND = stamps.NS_PER_S
NOW = 1_700_000_000 * SECOND
SHAPE = (48, 64)


def masks(**values):
    values = {name.replace('__', '.'): value for name, value in values.items()}
    return GivenMasks(build(XrayRegistrationParameters, values))


def message(stamp_ns, value=0, encoding='mono8', pixels=None):
    """A mask that is usable but for column `value`."""
    if pixels is None:
        pixels = np.full(SHAPE, 255, np.uint8)
        pixels[:, value] = 0
    found = fill_image_message(Image(), pixels, encoding)
    found.header.frame_id = 'carm'
    stamps.fill(found.header.stamp, stamp_ns)
    return found


def blocked(mask):
    return np.flatnonzero(~mask.any(0)).tolist()


def test_without_masks_there_is_none():
    assert masks().of('carm', NOW, SHAPE) is None


def test_the_closest_in_time_serves_and_equal_stamps_win():
    given = masks()
    for column, offset_s in ((1, -0.4), (2, -0.1), (3, 0.0), (4, 0.05)):
        given.add('carm', message(NOW + int(offset_s * SECOND), column))
    assert blocked(given.of('carm', NOW, SHAPE)) == [3]
    assert blocked(given.of('carm', NOW + SECOND // 4, SHAPE)) == [4]
    assert given.of('carm', NOW + SECOND, SHAPE) is None


def test_a_mask_serves_until_it_is_too_old():
    given = masks(masks__max_age_s=2.0)
    given.add('carm', message(NOW, 7))
    assert blocked(given.of('carm', NOW + 2 * SECOND, SHAPE)) == [7]
    assert given.of('carm', NOW + 2 * SECOND + 1, SHAPE) is None


def test_a_repeated_stamp_replaces_and_few_are_kept():
    given = masks(masks__max_age_s=100.0)
    given.add('carm', message(NOW, 1))
    given.add('carm', message(NOW, 2))
    assert blocked(given.of('carm', NOW, SHAPE)) == [2]
    for second in range(1, 20):
        given.add('carm', message(NOW + second * SECOND, 5))
    assert blocked(given.of('carm', NOW, SHAPE)) == [5]


def test_a_file_serves_where_no_message_does(tmp_path):
    pixels = np.full(SHAPE, 255, np.uint8)
    pixels[:, 9] = 0
    cv2.imwrite(str(tmp_path / 'mask.png'), pixels)
    given = masks(masks__path=[str(tmp_path / 'mask.png')])
    assert blocked(given.of('carm', NOW, SHAPE)) == [9]
    given.add('carm', message(NOW, 3))
    assert blocked(given.of('carm', NOW, SHAPE)) == [3]
    given.clear()
    assert blocked(given.of('carm', NOW, SHAPE)) == [9]


def test_each_view_has_its_own():
    given = masks(views=['frontal', 'lateral'])
    given.add('lateral', message(NOW, 4))
    assert given.of('frontal', NOW, SHAPE) is None
    assert blocked(given.of('lateral', NOW, SHAPE)) == [4]


@pytest.mark.parametrize(
    ('bad', 'says'),
    [
        (message(NOW, pixels=np.zeros(SHAPE, np.uint8)), '0 everywhere'),
        (message(NOW, pixels=np.ones((32, 32), np.uint8)), '32x32 but its image is 64x48'),
    ],
)
def test_a_mask_that_cannot_be_used_refuses_the_image(bad, says):
    given = masks()
    given.add('carm', bad)
    with pytest.raises(InputError, match=says):
        given.of('carm', NOW, SHAPE)


@pytest.mark.parametrize(
    ('bad', 'says'),
    [
        (message(0), 'stamp 0'),
        (message(NOW, encoding='rgb8', pixels=np.ones((*SHAPE, 3), np.uint8)), 'mono8'),
    ],
)
def test_a_bad_message_is_refused(bad, says):
    given = masks()
    with pytest.raises(InputError, match=says):
        given.add('carm', bad)
    assert given.of('carm', NOW, SHAPE) is None


def test_a_missing_file_and_a_wrong_number_are_refused(tmp_path):
    with pytest.raises(InputError, match='no such file'):
        masks(masks__path=[str(tmp_path / 'no.png')])
    with pytest.raises(InputError, match='1 files for 2 views'):
        masks(masks__path=['a.png'], views=['frontal', 'lateral'])
