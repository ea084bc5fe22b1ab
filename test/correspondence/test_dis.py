"""DIS between two frames whose flow is known."""

import cv2
import numpy as np
import pytest
from warped_clip import HEIGHT, WIDTH, WarpedClip, frame

from surg_invnerf.correspondence.dense import pixel_grid
from surg_invnerf.correspondence.dis import Dis
from surgical_perception.errors import InputError

INNER = np.s_[30:-30, 30:-30]


@pytest.fixture(scope='module')
def clip():
    return WarpedClip(9)


def true_flow(clip, source, target):
    pixels = pixel_grid(HEIGHT, WIDTH).reshape(-1, 2)
    return (clip.targets(source, target, pixels) - pixels).reshape(HEIGHT, WIDTH, 2)


def median_error(flow, truth):
    return np.median(np.linalg.norm(flow - truth, axis=-1)[INNER])


def frames(clip, *indices):
    return [frame(index, clip.image(index)) for index in indices]


@pytest.mark.parametrize('clahe', [0.0, 2.0])
def test_flow_is_the_true_one(clip, clahe):
    flow = Dis(clahe).match(*frames(clip, 0, 4)).flow
    assert median_error(flow, true_flow(clip, 0, 4)) < 0.1


def test_wide_images_are_matched_at_half_size_in_pixels_of_their_own(clip):
    wide = [
        frame(each.index, cv2.resize(each.image, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC))
        for each in frames(clip, 0, 4)
    ]
    flow = Dis().match(*wide).flow
    assert flow.shape == (5 * HEIGHT, 5 * WIDTH, 2)
    truth = 5 * cv2.resize(true_flow(clip, 0, 4), None, fx=5, fy=5)
    assert np.median(np.linalg.norm(flow - truth, axis=-1)[150:-150, 150:-150]) < 0.5


def test_an_initial_flow_leaves_no_trace_in_later_pairs(clip):
    pair = frames(clip, 0, 1)
    fresh = Dis().match(*pair).flow
    used = Dis(initialise=True)
    used.match(*pair, initial=np.full((HEIGHT, WIDTH, 2), 30, np.float32))
    np.testing.assert_array_equal(used.match(*pair).flow, fresh)


def test_an_initial_flow_helps_where_the_motion_is_long():
    clip = WarpedClip(2, shift=(45, 30))
    truth = true_flow(clip, 0, 1)
    guided = Dis(initialise=True).match(*frames(clip, 0, 1), initial=truth.astype(np.float32) + 2)
    assert median_error(guided.flow, truth) < 0.2


def test_frames_of_two_sizes_are_refused(clip):
    with pytest.raises(InputError, match='160x128 and 80x64 pixels: give frames of one size'):
        Dis().match(frame(0, clip.image(0)), frame(1, clip.image(1)[::2, ::2]))


@pytest.mark.parametrize('clahe', [-1, 'strong', float('nan')])
def test_a_clip_limit_that_is_none_is_refused(clahe):
    with pytest.raises(InputError, match='clahe is'):
        Dis(clahe)
