"""Synthetic clips: seeds, parts that do not depend on each other, motion, kinematics."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.config import SceneConfig
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3

SMALL = SceneConfig(seed=1, width=160, height=128, frames=8)


def test_frames_are_what_the_config_says():
    clip = SyntheticClip(replace(SMALL, frames=2))
    frames = list(clip.frames())
    assert len(clip) == len(frames) == 2
    for index, frame in enumerate(frames):
        assert frame.index == index
        assert frame.left.shape == frame.right.shape == (128, 160, 3)
        assert frame.left.dtype == np.uint8
        assert frame.world_from_camera is None
        assert frame.tool is None
    assert frames[1].stamp_ns - frames[0].stamp_ns == 100_000_000
    np.testing.assert_array_equal(next(clip.frames()).left, frames[0].left)


def test_a_seed_gives_the_same_clip_again():
    one, two = (SyntheticClip(SMALL).frame(3) for _ in range(2))
    np.testing.assert_array_equal(one.left, two.left)
    np.testing.assert_array_equal(one.right, two.right)


def test_seeds_differ_in_every_part():
    one, two = (SyntheticClip(replace(SMALL, seed=seed)).scene for seed in (1, 2))
    time_s, frame = 1.0, 10
    material = np.random.default_rng(0).uniform(-0.03, 0.03, (50, 2))
    shapes = [scene.sheet(0).positions(material) for scene in (one, two)]
    assert np.abs(shapes[0] - shapes[1]).max() > 1e-3
    moved = [
        scene.tissue.at(2.0).positions(material) - shape
        for scene, shape in zip((one, two), shapes, strict=True)
    ]
    assert np.abs(moved[0] - moved[1]).max() > 5e-4
    assert np.abs(one.world_from_camera(frame) - two.world_from_camera(frame)).max() > 1e-3
    tips = [scene.instrument.at(time_s).ends for scene in (one, two)]
    assert np.abs(tips[0] - tips[1]).max() > 1e-3
    albedos = [scene.texture.albedo[..., 1].ravel() for scene in (one, two)]
    assert abs(np.corrcoef(*albedos)[0, 1]) < 0.3


def test_one_part_never_changes_another():
    plain = SyntheticClip(replace(SMALL, frames=3))
    queries = plain.truth.tissue_grid(0, 20)
    expected = plain.truth.track(queries).uv
    for change in ({'tool': False, 'poses': True}, {'noise': 0.0, 'specularity': 0.0}):
        other = SyntheticClip(replace(SMALL, frames=3, **change))
        np.testing.assert_array_equal(other.truth.track(queries).uv, expected)


def test_the_image_size_changes_only_the_sampling():
    small = SyntheticClip(replace(SMALL, frames=3, noise=0.0))
    large = SyntheticClip(replace(SMALL, frames=3, width=320, height=256, noise=0.0))
    queries = small.truth.tissue_grid(0, 20)
    doubled = np.column_stack([2 * queries[:, :2] + 0.5, queries[:, 2]])
    np.testing.assert_allclose(
        large.truth.track(doubled).uv, 2 * small.truth.track(queries).uv + 0.5, atol=1e-6
    )
    pixels = small.frame(2).left[..., 1].astype(float)
    binned = cv2.resize(
        large.frame(2).left[..., 1].astype(np.float32), (160, 128), interpolation=cv2.INTER_AREA
    )
    assert np.corrcoef(pixels.ravel(), binned.ravel())[0, 1] > 0.97


def test_both_eyes_have_their_own_highlights_and_noise():
    shiny, matt = (SyntheticClip(replace(SMALL, specularity=s, noise=0.0)) for s in (1.0, 0.0))
    highlights = [
        (getattr(shiny.frame(0), eye).astype(int) - getattr(matt.frame(0), eye)).min(-1) > 40
        for eye in ('left', 'right')
    ]
    assert all(0.001 < eye.mean() < 0.08 for eye in highlights)
    assert (highlights[0] != highlights[1]).any()
    noisy = SyntheticClip(SMALL).frame(0)
    clean = SyntheticClip(replace(SMALL, noise=0.0)).frame(0)
    residuals = [
        (getattr(noisy, eye).astype(float) - getattr(clean, eye)).ravel()
        for eye in ('left', 'right')
    ]
    assert all(1.0 < residual.std() < 6.0 for residual in residuals)
    assert abs(np.corrcoef(*residuals)[0, 1]) < 0.05


@pytest.mark.parametrize('seed', [1, 2, 3])
def test_motion_is_that_of_a_clip_in_vivo_and_stays_bounded(seed):
    clip = SyntheticClip(SceneConfig(seed=seed, frames=200, tool=False))
    material = clip.truth.material(clip.truth.tissue_grid(0, 24))
    uv = np.stack(
        [
            clip.camera.left.project(clip.scene.sheet(frame).positions(material))
            for frame in range(0, 200, 2)
        ],
        1,
    )
    moved = np.linalg.norm(uv - uv[:, :1], axis=-1)
    assert 20 < moved[:, :20].mean() < 40
    assert moved.max() < 110
    assert moved[:, 50:].mean() < 40


def test_the_sheet_fills_every_image():
    clip = SyntheticClip(replace(SMALL, frames=200))
    depths = [clip.truth.depth_m(frame) for frame in range(0, 200, 33)]
    tools = [clip.truth.tool(frame) for frame in range(0, 200, 33)]
    assert np.isfinite(depths).all()
    tissue = np.array(depths)[~np.array(tools)]
    assert 0.050 < tissue.min() < tissue.max() < 0.120
    shown = np.mean(tools, axis=(1, 2))
    assert 0.01 < shown.mean() < 0.15


def test_the_robot_says_the_true_pose_with_its_hand_eye_error():
    wrong = (0.004, -0.003, 0.0, 0.0, 0.0, np.radians(2))
    clip = SyntheticClip(replace(SMALL, poses=True, wrong_hand_eye=wrong))
    for index in (0, 5):
        error = se3.inverse(clip.truth.world_from_camera(index)) @ clip.published_pose(index)
        np.testing.assert_allclose(se3.log(error), wrong, atol=1e-12)
    exact = SyntheticClip(replace(SMALL, poses=True))
    pose = exact.frame(5).world_from_camera
    np.testing.assert_allclose(pose, exact.truth.world_from_camera(5), atol=1e-12)


def test_jitter_differs_from_frame_to_frame_and_has_its_size():
    clip = SyntheticClip(replace(SMALL, poses=True, pose_jitter_m=1e-3, pose_jitter_rad=1e-2))
    errors = np.array(
        [
            se3.log(se3.inverse(clip.truth.world_from_camera(i)) @ clip.published_pose(i))
            for i in range(300)
        ]
    )
    np.testing.assert_allclose(errors.std(0), [1e-3] * 3 + [1e-2] * 3, rtol=0.2)


def test_masks_are_the_truths():
    clip = SyntheticClip(replace(SMALL, tool_masks=True))
    np.testing.assert_array_equal(clip.frame(2).tool, clip.truth.tool(2))
    assert clip.frame(2).tool.dtype == bool


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        ({'frames': 0}, 'frames is 0'),
        ({'seed': 1.5}, 'seed is 1.5'),
        ({'fps': 0.0}, 'fps is 0'),
        ({'noise': -1.0}, 'noise is -1'),
        ({'deformation': 3.0}, 'deformation is 3'),
        ({'field_of_view_deg': 170.0}, 'field_of_view_deg is 170'),
        ({'depth_m': 82.0}, 'depth_m is 82'),
        ({'baseline_m': 4.5}, 'millimetres'),
        ({'wrong_hand_eye': (0.0, 0.1)}, 'expected 6 numbers'),
        ({'pose_jitter_m': -1.0}, 'must not be negative'),
    ],
)
def test_scenes_that_cannot_be_are_refused(change, reason):
    with pytest.raises(InputError, match=reason):
        SyntheticClip(replace(SMALL, **change))
