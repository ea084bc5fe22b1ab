"""Folders of images as clips: what is read, what is refused, and in which words."""

import json
import shutil
import tracemalloc

import clip_trees as trees
import numpy as np
import pytest
import yaml
from clip_checks import assert_frames, refusal

from surg_invnerf.clips import open_clip


def test_a_folder_is_read_with_its_poses(tmp_path):
    clip = open_clip(trees.write_folder(tmp_path / 'clip'))
    assert clip.name == 'clip'
    assert clip.fps == trees.FPS
    assert clip.camera.baseline_m == trees.BASELINE_M
    assert clip.camera.left.fx == trees.FOCAL
    assert set(clip.sources) == {'left', 'right', 'calibration', 'poses'}
    assert_frames(clip, poses=True, tolerance=0)
    turned = next(open_clip(tmp_path / 'clip', kinematics_preset='dvrk_isi').frames())
    np.testing.assert_allclose(turned.world_from_camera, trees.pose(0) @ np.diag([-1, -1, 1, 1]))


def test_tool_masks_and_a_right_principal_point(tmp_path):
    path = trees.write_folder(tmp_path, {'right_cx': trees.CX - 3}, poses=False)
    mask = np.zeros((trees.HEIGHT, trees.WIDTH, 3), np.uint8)
    mask[:5, :7] = 255
    for frame in range(trees.FRAMES):
        trees.write_picture(path / 'tool_masks' / f'{frame:06d}.png', mask)
    clip = open_clip(path)
    assert clip.camera.cx_difference == 3
    first = next(iter(clip.frames()))
    assert first.tool.dtype == bool
    assert first.tool.sum() == 35
    assert first.world_from_camera is None


def without(key):
    return yaml.safe_dump({k: v for k, v in trees.CALIBRATION.items() if k != key})


def with_(**values):
    return yaml.safe_dump(trees.CALIBRATION | values)


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        (without('baseline_m'), 'has no baseline_m'),
        (with_(basline_mm=5), 'unknown basline_mm'),
        (with_(baseline_m=5.0), 'is it in millimetres'),
        (with_(baseline_m=-0.005), 'swapped'),
        (with_(baseline_m='5 mm'), "baseline_m is '5 mm'"),
        (with_(fx=float('nan')), 'fx is nan'),
        (with_(fy=99.0), 'differ by more than 5 %'),
        (with_(cx=500.0), 'outside'),
        (with_(width=64.5), 'whole number'),
        (with_(fps=0), 'fps'),
        ('- 1', 'expected the keys'),
        ('a: [', 'no YAML'),
    ],
)
def test_a_calibration_that_no_endoscope_has_is_refused(tmp_path, text, reason):
    path = trees.write_folder(tmp_path, poses=False, frames=1)
    (path / 'calib.yaml').write_text(text)
    words = refusal(path)
    assert reason in words
    assert 'calib.yaml' in words


def matrices(count=trees.FRAMES, **changed):
    poses = [trees.pose(frame).tolist() for frame in range(count)]
    for index, value in changed.items():
        poses[int(index[1:])] = value
    return json.dumps({'world_from_camera': poses})


NAN = np.full((4, 4), np.nan).tolist()
IN_MM = np.diag([1.0, 1, 1, 1]) + np.eye(4, k=3) * 80


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        (matrices(3), '3 poses for 5 frames'),
        (matrices(f2=NAN), 'NaN'),
        (matrices(f2=IN_MM.tolist()), 'metres'),
        (matrices(f2=(2 * np.eye(4)).tolist()), 'pose 2'),
        (matrices(f2=[1, 2]), 'expected 16'),
        ('{}', 'world_from_camera'),
        ('{', 'JSON'),
    ],
)
def test_bad_poses_are_refused_by_name(tmp_path, text, reason):
    path = trees.write_folder(tmp_path)
    (path / 'poses.json').write_text(text)
    words = refusal(path)
    assert reason in words
    assert 'poses.json' in words


def test_images_that_do_not_fit_are_refused_by_name(tmp_path):
    path = trees.write_folder(tmp_path / 'a', poses=False)
    (path / 'right' / '000003.png').unlink()
    assert '000003.png is missing' in refusal(path)
    trees.write_picture(path / 'right' / '000003.png', trees.picture(3, 'right')[:20])
    assert '64x20' in refusal(path, read=True)
    (path / 'right' / '000003.png').write_bytes(b'noise')
    assert '000003.png: is no image' in refusal(path, read=True)
    trees.write_picture(path / 'right' / '000003.png', trees.picture(3, 'right'))
    trees.write_picture(path / 'right' / '000009.png', trees.picture(3, 'right'))
    assert '1 images more' in refusal(path)
    (path / 'right' / '000009.png').unlink()
    for eye in ('left', 'right'):
        (path / eye / '000002.png').unlink()
    assert 'frame 2 is missing' in refusal(path)
    trees.write_picture(path / 'left' / 'start.png', trees.picture(0, 'left'))
    assert 'start.png' in refusal(path)
    shutil.rmtree(path / 'left')
    assert 'holds no images' in refusal(path)
    (path / 'calib.yaml').unlink()
    assert 'is no clip' in refusal(path)


def test_what_is_no_clip_at_all_is_refused(tmp_path):
    (tmp_path / 'notes.txt').write_text('nothing')
    assert 'is no clip' in refusal(tmp_path)
    assert 'is no clip' in refusal(tmp_path / 'notes.txt')
    assert 'there is no such clip' in refusal(tmp_path / 'none')
    for spec in ('synthetic:', 'synthetic:x', 'synthetic:-1', 'synthetic:1.5'):
        assert spec in refusal(spec)
    assert 'brings its own' in refusal('synthetic:1', 'calib.yaml')
    assert 'brings its own' in refusal(trees.write_folder(tmp_path / 'a', frames=1), 'c.yaml')


def test_a_synthetic_clip_by_its_seed():
    clip = open_clip('synthetic:3')
    assert clip.name == 'synthetic:3'
    assert clip.camera.validated()


def test_frames_are_streamed_not_held(tmp_path):
    """Reading 30 frames needs no more memory than a few of them."""
    path = trees.write_folder(tmp_path, poses=False, frames=1)
    pixels = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    for eye in ('left', 'right'):
        trees.write_picture(path / eye / '000000.png', pixels)
        for frame in range(1, 30):
            (path / eye / f'{frame:06d}.png').hardlink_to(path / eye / '000000.png')
    size = {'width': 320, 'height': 240, 'cx': 160.0, 'cy': 120.0}
    (path / 'calib.yaml').write_text(yaml.safe_dump(trees.CALIBRATION | size))
    clip = open_clip(path)
    tracemalloc.start()
    assert sum(1 for _ in clip.frames()) == 30
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * pixels.nbytes
