"""What a frame becomes, and by what name each fault of a pair is called."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textured_plane import TexturedPlane, stereo_camera

from surg_invnerf.camera import StereoCamera
from surg_invnerf.observe import Observer, Quality
from surg_invnerf.stereo.working_size import WorkingSize
from surgical_perception.errors import InputError
from surgical_perception.geometry.camera import PinholeCamera

CAMERA = stereo_camera()
PLANE = TexturedPlane(CAMERA)
FRAME = PLANE.frame()


def observe(frame=FRAME, camera=CAMERA):
    return Observer(camera).observe(frame)


def pair(left=FRAME.left, right=FRAME.right):
    return replace(FRAME, left=left, right=right)


def test_a_good_frame_is_depth_without_gaps_and_says_what_was_measured():
    observed = observe()
    assert (observed.quality, observed.reason) == (Quality.GOOD, '')
    seen = observed.observation
    assert (seen.index, seen.stamp_ns) == (FRAME.index, FRAME.stamp_ns)
    np.testing.assert_array_equal(seen.image, FRAME.left)
    np.testing.assert_array_equal(seen.world_from_camera, np.eye(4))
    assert seen.tool is None
    assert seen.depth_m.dtype == seen.sigma_m.dtype == np.float32
    assert np.isfinite(seen.depth_m).all()
    error = np.abs(seen.depth_m - PLANE.depth_m())[seen.measured]
    assert np.median(error) < 5e-4
    assert seen.measured.mean() > 0.8
    assert (seen.sigma_m > 0).all()


def test_the_strip_that_only_the_left_eye_sees_is_not_usable():
    seen = observe().observation
    unseen = np.arange(CAMERA.left.width) < CAMERA.disparity_from_depth(PLANE.depth_m()) - 1
    assert not seen.usable[unseen].any()
    assert seen.usable[~unseen].mean() > 0.95


def test_highlights_are_neither_usable_nor_measured():
    left, right = FRAME.left.copy(), FRAME.right.copy()
    left[60:66, 90:96] = right[60:66, 80:86] = 255
    seen = observe(pair(left, right)).observation
    assert not seen.usable[60:66, 89:97].any()
    assert not seen.measured[60:66, 89:97].any()
    assert seen.depth_m[63, 93] == pytest.approx(PLANE.depth_m()[63, 93], rel=0.05)


def test_a_tool_mask_and_what_lies_beside_it_are_not_usable():
    tool = np.zeros(FRAME.left.shape[:2], bool)
    tool[30:50, 60:90] = True
    seen = observe(replace(FRAME, tool=tool)).observation
    np.testing.assert_array_equal(seen.tool, tool)
    assert not seen.usable[29:51, 59:91].any()


def test_a_view_full_of_instruments_has_no_depth_of_tissue():
    observed = observe(replace(FRAME, tool=np.ones(FRAME.left.shape[:2], bool)))
    assert observed.quality is Quality.NO_STEREO
    assert 'is tissue in view' in observed.reason


def test_the_pose_of_kinematics_is_passed_on():
    pose = np.eye(4)
    pose[:3, 3] = 0.1, 0.2, 0.3
    assert observe(replace(FRAME, world_from_camera=pose)).observation.world_from_camera is pose


BLACK = np.zeros_like(FRAME.left)
NOISE = np.random.default_rng(0).integers(0, 12, BLACK.shape, np.uint8)


@pytest.mark.parametrize(
    ('frame', 'quality', 'words'),
    [
        (pair(BLACK, BLACK), Quality.BLANK, 'both'),
        (pair(np.full_like(BLACK, (0, 0, 255)), BLACK), Quality.BLANK, 'both'),
        (pair(left=BLACK), Quality.LEFT_LOST, 'left camera'),
        (pair(right=NOISE), Quality.RIGHT_LOST, 'right camera'),
        (pair(FRAME.right, FRAME.left), Quality.SWAPPED, 'swapped'),
        (pair(right=FRAME.left), Quality.NO_STEREO, 'one image'),
        (pair(right=FRAME.right[::-1, ::-1]), Quality.NO_STEREO, 'one scene'),
        (pair(right=np.roll(FRAME.right, 3, 0)), Quality.MISALIGNED, r'\+[23]\.\d rows'),
        (pair(right=np.roll(FRAME.right, -6, 0)), Quality.MISALIGNED, r'-[56]\.\d rows'),
        (pair(right=FRAME.right[::2, ::2]), Quality.WRONG_SIZE, 'the right image is 80x64x3'),
        (pair(left=FRAME.left[..., 0]), Quality.WRONG_SIZE, 'the left image is 160x128,'),
        (pair(left=FRAME.left[:0]), Quality.WRONG_SIZE, 'the left image is 160x0x3'),
    ],
)
def test_what_cannot_be_used_has_a_name_and_no_observation(frame, quality, words):
    observed = observe(frame)
    assert observed.quality is quality
    assert observed.observation is None
    assert re.search(words, observed.reason)


@given(st.integers(0, 2**32 - 1), st.integers(0, 255), st.integers(1, 64))
@settings(max_examples=12)
def test_no_image_makes_it_raise(seed, level, block):
    """Noise, stripes and blocks, around any brightness, with or without a common content."""
    random = np.random.default_rng(seed)
    shape = (-(-128 // block), -(-160 // random.integers(1, 160)), 3)
    pictures = []
    for _ in range(2):
        coarse = random.normal(level, random.uniform(0, 80), shape)
        tiles = [-(-side // count) for side, count in zip((128, 160), shape[:2], strict=True)]
        picture = coarse.repeat(tiles[0], 0).repeat(tiles[1], 1)[:128, :160]
        pictures.append(picture.clip(0, 255).astype(np.uint8))
    observed = observe(pair(*pictures))
    if observed.observation is not None:
        assert np.isfinite(observed.observation.depth_m).all()
        assert not np.isnan(observed.observation.sigma_m).any()
    assert bool(observed.reason) == (observed.quality is not Quality.GOOD)


def hazy(image, share):
    return (image * (1 - share) + 200 * share).astype(np.uint8)


def test_smoke_is_degraded_and_depth_stays_right():
    observed = observe(pair(hazy(FRAME.left, 0.85), hazy(FRAME.right, 0.85)))
    assert observed.quality is Quality.DEGRADED
    assert 'low contrast' in observed.reason
    seen = observed.observation
    assert np.median(np.abs(seen.depth_m - PLANE.depth_m())[seen.measured]) < 1e-3


def test_few_matches_are_degraded():
    right = FRAME.right.copy()
    right[:90] = np.random.default_rng(0).integers(0, 255, right[:90].shape, np.uint8)
    observed = observe(pair(right=right))
    assert observed.quality is Quality.DEGRADED
    assert 'of the pixels only' in observed.reason


def test_images_that_stand_still_are_frozen_until_they_move_again():
    observer = Observer(CAMERA)
    first = observer.observe(FRAME)
    still = observer.observe(replace(FRAME, index=1, stamp_ns=5))
    assert still.quality is Quality.FROZEN
    assert (still.observation.index, still.observation.stamp_ns) == (1, 5)
    assert still.observation.depth_m is first.observation.depth_m
    moved = observer.observe(PLANE.frame(2, (1e-3, 0)))
    assert moved.quality is Quality.GOOD


def test_a_fault_that_stands_still_keeps_its_name():
    observer = Observer(CAMERA)
    swapped = pair(FRAME.right, FRAME.left)
    assert observer.observe(swapped).quality is Quality.SWAPPED
    assert observer.observe(replace(swapped, index=1)).quality is Quality.SWAPPED


def test_a_camera_in_millimetres_is_refused():
    with pytest.raises(InputError, match='millimetres'):
        Observer(replace(CAMERA, baseline_m=4.5))


class Constant:
    """A matcher that gives every pixel the same answer."""

    def __init__(self, disparity, sigma_px=0.1):
        self.answer = disparity, sigma_px

    def match(self, left, right):
        assert left.shape == right.shape == (128, 160, 3)
        return [np.full(left.shape[:2], number, np.float32) for number in self.answer]


def test_any_matcher_serves():
    seen = Observer(CAMERA, matcher=Constant(11.0)).observe(FRAME).observation
    np.testing.assert_allclose(seen.depth_m, CAMERA.depth_from_disparity(11.0))
    assert seen.measured.all()


@pytest.mark.parametrize('answer', [(0.0,), (-4.0,), (0.5,), (90.0,), (np.nan,), (11.0, np.inf)])
def test_no_matcher_is_believed_outside_of_the_depth_range_or_without_a_sigma(answer):
    observed = Observer(CAMERA, matcher=Constant(*answer)).observe(FRAME)
    assert observed.quality is Quality.NO_STEREO


# Working size.


def test_wide_images_are_halved_and_sides_are_multiples_of_sixteen():
    camera = stereo_camera(1300, 1030)
    working = WorkingSize(camera)
    assert (working.camera.left.width, working.camera.left.height) == (640, 512)
    image = np.zeros((1030, 1300, 3), np.uint8)
    image[200:202, 300:302] = 255
    small = working.image(image)
    assert small.shape == (512, 640, 3)
    np.testing.assert_array_equal(np.argwhere(small[..., 0]), [[100, 150]])
    mask = np.zeros((1030, 1300), bool)
    mask[201, 301] = True
    np.testing.assert_array_equal(np.argwhere(working.mask(mask)), [[100, 150]])
    np.testing.assert_allclose(working.working_from_full([300.5, 200.5]), [150, 100])


@pytest.mark.parametrize('size', [(16, 16), (47, 31), (640, 64), (32, 512)])
def test_sizes_that_end_the_process_in_opencv_are_refused(size):
    with pytest.raises(InputError, match=f'{size[0]}x{size[1]}'):
        Observer(stereo_camera(*size))


@pytest.mark.parametrize('size', [(32, 32), (128, 32), (35, 130)])
def test_the_smallest_sizes_work(size):
    camera = stereo_camera(*size)
    observed = Observer(camera).observe(TexturedPlane(camera).frame())
    assert observed.quality in (Quality.GOOD, Quality.DEGRADED)


@given(
    st.integers(200, 1000),
    st.integers(300, 500),
    st.floats(-0.02, 0.02),
    st.floats(-0.02, 0.02),
    st.floats(0.03, 0.25),
)
def test_points_are_seen_at_corresponding_pixels_of_both_sizes(width, height, x, y, z):
    pinhole = PinholeCamera(width, height, 900.0, 905.0, width / 2, height / 2.1)
    camera = StereoCamera(pinhole, 0.0045, width / 2 + 7)
    working = WorkingSize(camera)
    point = np.array([x, y, z])
    full, small = (c.left.project(point) for c in (camera, working.camera))
    np.testing.assert_allclose(working.working_from_full(full), small, atol=1e-6)
    np.testing.assert_allclose(working.full_from_working(small), full, atol=1e-6)
    shift = working.factor * working.camera.disparity_from_depth(z)
    assert shift == pytest.approx(camera.disparity_from_depth(z))
