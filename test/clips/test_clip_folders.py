"""Folders of images and videos as clips: what is read, what is refused, and in which words."""

import json
import shutil
import tracemalloc

import clip_trees as trees
import cv2
import numpy as np
import pytest
import yaml

from surg_invnerf.clips import open_clip
from surg_invnerf.clips.scared import ScaredClip
from surg_invnerf.clips.stacked import StackedVideoClip
from surg_invnerf.clips.stir import StirClip
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3


def assert_frames(clip, poses, tolerance=6):
    """The frames are the drawn ones, in order; codecs may change a grey level a little."""
    frames = list(clip.frames())
    assert [frame.index for frame in frames] == list(range(trees.FRAMES)) == list(range(len(clip)))
    for frame in frames:
        for eye in ('left', 'right'):
            pixels = getattr(frame, eye)
            assert pixels.shape == (trees.HEIGHT, trees.WIDTH, 3)
            assert pixels.dtype == np.uint8
            inner = pixels[6:-6, 6:-6].astype(float)
            expected = trees.picture(frame.index, eye)[6:-6, 6:-6]
            assert np.median(abs(inner - expected)) <= tolerance
        if poses:
            np.testing.assert_allclose(frame.world_from_camera, trees.pose(frame.index), atol=1e-9)
        else:
            assert frame.world_from_camera is None
    steps = np.diff([frame.stamp_ns for frame in frames])
    assert abs(steps - trees.PERIOD_NS).max() <= 1
    # Again from the start: a clip may be read twice.
    assert next(iter(clip.frames())).index == 0


def refusal(spec, calibration=None, read=False):
    with pytest.raises(InputError) as error:
        clip = open_clip(spec, calibration)
        if read:
            list(clip.frames())
    text = str(error.value)
    assert '\n' not in text
    return text


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


@pytest.mark.parametrize(('fourcc', 'suffix'), [('mp4v', 'mp4'), ('MJPG', 'avi')])
def test_a_stacked_video_of_rectified_eyes(tmp_path, fourcc, suffix):
    video = trees.write_video(
        tmp_path / f'pair.{suffix}', map(trees.stacked, range(trees.FRAMES)), fourcc
    )
    calibration = tmp_path / 'calib.yaml'
    calibration.write_text(yaml.safe_dump(trees.CALIBRATION))
    clip = open_clip(video, calibration)
    assert isinstance(clip, StackedVideoClip)
    assert_frames(clip, poses=False)


def test_a_stacked_video_of_raw_eyes_is_rectified(tmp_path):
    video = trees.write_video(tmp_path / 'pair.mp4', map(trees.stacked, range(trees.FRAMES)))
    raw = trees.write_opencv(tmp_path / 'stereo.yaml', trees.raw_calibration())
    clip = open_clip(video, raw)
    assert clip.camera.baseline_m == pytest.approx(trees.BASELINE_M)
    assert_frames(clip, poses=False)


def test_videos_that_cannot_be_used_are_refused(tmp_path):
    pictures = [trees.stacked(frame) for frame in range(trees.FRAMES)]
    noise = np.random.default_rng(0).integers(0, 256, (3, 96, 64, 3), np.uint8)
    video = trees.write_video(tmp_path / 'pair.avi', [*pictures, *noise], 'MJPG')
    calibration = tmp_path / 'calib.yaml'
    calibration.write_text(yaml.safe_dump(trees.CALIBRATION))
    assert 'needs a calibration' in refusal(video)
    calibration.write_text(yaml.safe_dump(trees.CALIBRATION | {'width': 128, 'cx': 60}))
    assert '64x48' in refusal(video, calibration)
    calibration.write_text(yaml.safe_dump(trees.CALIBRATION))
    whole = video.read_bytes()
    video.write_bytes(whole[: len(whole) - 12_000])
    assert 'pair.avi: ends after' in refusal(video, calibration, read=True)
    video.write_bytes(b'RIFF')
    assert 'pair.avi' in refusal(video, calibration)


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        ({'T': [[-trees.BASELINE_M], [0], [0]]}, 'millimetres'),
        ({'T': [[1e3 * trees.BASELINE_M], [0], [0]]}, 'swapped'),
        ({'T': [[-1e6 * trees.BASELINE_M], [0], [0]]}, 'baseline'),
        ({'T': [[0], [0]]}, 'R (3x3) and T'),
        ({'M2': np.eye(2)}, 'M2'),
        ({'M1': np.full((3, 3), np.nan)}, 'M1'),
        ({'M1': [[60, 0, 600], [0, 60, 24], [0, 0, 1]]}, 'principal point'),
        ({'R': np.diag([1.0, 1, -1])}, 'right_from_left'),
    ],
)
def test_a_raw_calibration_with_mixed_up_units_or_eyes_is_refused(tmp_path, change, reason):
    video = trees.write_video(tmp_path / 'pair.mp4', [trees.stacked(0)])
    raw = trees.write_opencv(tmp_path / 'stereo.yaml', trees.raw_calibration() | change)
    words = refusal(video, raw)
    assert reason in words
    assert 'stereo.yaml' in words


def test_a_stir_sequence_with_its_labels(tmp_path):
    sequence = trees.write_stir(tmp_path / '07')
    clip = open_clip(sequence)
    assert isinstance(clip, StirClip)
    assert clip.name == '07/left/seq01'
    assert clip.camera.cx_difference == 2
    # The difference of the principal points belongs to the disparity.
    assert clip.camera.depth_from_disparity(2 + 6.0) == pytest.approx(60 * 0.005 / 6)
    assert_frames(clip, poses=False)
    assert next(iter(clip.frames())).stamp_ns == 2_000_000_000
    labels = clip.end_points()
    assert sorted(labels.queries.tolist()) == [[13, 10, 0], [43, 32, 0]]
    assert labels.uv.tolist() == [[17, 11]]
    assert open_clip(tmp_path / '07').name == clip.name


@pytest.mark.parametrize(
    ('calibration', 'reason'),
    [
        ({'translation': [5.0, 0, 0]}, 'swapped'),
        ({'translation': [-5.0, 0, 0]}, 'millimetres'),
        ({'leftdistortioncoeffs': [0.1, 0, 0, 0, 0]}, 'distortion'),
        ({'rightcameramat': [[80, 0, 31], [0, 80, 24], [0, 0, 1]]}, 'focal'),
        ({'rightcameramat': [[60, 0, 31], [0, 60, 34], [0, 0, 1]]}, 'rows'),
        ({'leftcameramat': 'K'}, 'leftcameramat'),
        ({'leftcameramat': [[60, 0, 31]]}, '3x3'),
    ],
)
def test_a_stir_calibration_that_does_not_fit_is_refused(tmp_path, calibration, reason):
    words = refusal(trees.write_stir(tmp_path / '07', calibration=calibration))
    assert reason in words
    assert 'calib.json' in words


def test_a_stir_sequence_that_is_not_whole_is_refused(tmp_path):
    sequence = trees.write_stir(tmp_path / '07', blobs={'start': [], 'end': [(5, 5)]})
    with pytest.raises(InputError, match=r'icgstartseg\.png: shows no tattoo'):
        open_clip(sequence).end_points()
    assert 'do not belong together' in refusal(trees.write_stir(tmp_path / '08', right_frames=1))
    right = next((tmp_path / '07' / 'right').rglob('*.mp4'))
    right.rename(right.with_suffix('.txt'))
    assert 'holds 0 videos' in refusal(sequence)
    assert 'left sequence' in refusal(tmp_path / '08' / 'right' / 'seq01')
    shutil.copytree(tmp_path / '08' / 'left' / 'seq01', tmp_path / '08' / 'left' / 'seq02')
    words = refusal(tmp_path / '08')
    assert 'left/seq01, left/seq02' in words


def test_a_scared_keyframe_with_poses_and_depth(tmp_path):
    clip = open_clip(trees.write_scared(tmp_path / 'dataset_1' / 'keyframe_2'))
    assert isinstance(clip, ScaredClip)
    assert clip.name == 'dataset_1/keyframe_2'
    assert clip.camera.baseline_m == pytest.approx(trees.BASELINE_M)
    assert_frames(clip, poses=True)
    depth = dict(clip.depth_maps())
    assert sorted(depth) == [0, 2]
    inside = depth[2][8:-8, 8:-8]
    np.testing.assert_allclose(inside, 0.082, atol=1e-6)


def test_scared_depth_and_poses_are_those_of_the_rectified_camera(tmp_path):
    """Eyes that converge are turned: depth along the new axis, found at the new pixel."""
    calibration = trees.raw_calibration(turn_rad=0.12, distortion=-0.05)
    points = trees.scene_points_mm(80.0)
    matrix, coefficients = (np.asarray(calibration[key], float) for key in ('M1', 'D1'))
    u, v = np.meshgrid(np.arange(trees.WIDTH, dtype=float), np.arange(trees.HEIGHT, dtype=float))
    pixels = np.stack([u, v], -1).reshape(-1, 1, 2)
    rays = cv2.undistortPoints(pixels, matrix, coefficients).reshape(trees.HEIGHT, trees.WIDTH, 2)
    points[..., :2] = 80 * rays
    points[:4] = 0  # unknown
    points[20:24, 20:24] = np.nan
    clip = open_clip(
        trees.write_scared(tmp_path / 'd' / 'k', calibration=calibration, points={0: points})
    )
    [(_, depth_m)] = clip.depth_maps()
    known = np.isfinite(depth_m)
    assert 0.6 < known.mean() < 0.99
    # Back to the raw camera, everything that is known lies on the plane z = 80 mm.
    uv = np.stack([u, v], -1)[known]
    frame = next(iter(clip.frames()))
    raw_from_rectified = se3.inverse(trees.pose(0)) @ frame.world_from_camera
    assert np.degrees(se3.rotation_angle(raw_from_rectified)) > 2
    back = se3.apply(raw_from_rectified, clip.camera.unproject(uv, depth_m[known]))
    # Half a pixel at 80 mm and 7 degrees: nearest points are taken.
    np.testing.assert_allclose(back[:, 2], 0.080, atol=0.0002)


def test_a_scared_keyframe_without_a_video_is_one_pair(tmp_path):
    folder = trees.write_scared(tmp_path / 'dataset_1' / 'keyframe_5')
    shutil.rmtree(folder / 'data')
    clip = open_clip(folder)
    [frame] = clip.frames()
    assert len(clip) == 1
    assert frame.world_from_camera is None
    [(number, depth_m)] = clip.depth_maps()
    assert number == 0
    assert np.nanmedian(depth_m) == pytest.approx(0.080)


def test_damaged_scared_files_are_refused_by_name(tmp_path):
    folder = trees.write_scared(tmp_path / 'd' / 'k')
    poses, points = (
        folder / 'data' / name for name in ('frame_data.tar.gz', 'scene_points.tar.gz')
    )
    members = {
        f'frame_data{i:06d}.json': json.dumps({'camera-pose': trees.camera_pose_mm(i).tolist()})
        for i in range(trees.FRAMES)
    }

    def rewritten(**changed):
        content = {**members, **changed}
        trees.write_tar(poses, {name: text.encode() for name, text in content.items()})
        return refusal(folder)

    assert 'poses, the video' in rewritten(
        **{'frame_data000005.json': members['frame_data000000.json']}
    )
    assert 'without a gap' in rewritten(
        **{'frame_data000009.json': members['frame_data000000.json']}
    )
    assert 'frame_data000002.json' in rewritten(**{'frame_data000002.json': '{}'})
    no_number = json.dumps({'camera-pose': np.full((4, 4), np.nan).tolist()})
    assert 'NaN' in rewritten(**{'frame_data000002.json': no_number})
    poses.write_bytes(poses.read_bytes()[:60])
    assert 'frame_data.tar.gz: cannot be read' in refusal(folder)
    poses.unlink()
    assert 'frame_data.tar.gz' in refusal(folder)
    clip = ScaredClip(trees.write_scared(folder))
    points.write_bytes(points.read_bytes()[:200])
    with pytest.raises(InputError, match=r'scene_points\.tar\.gz'):
        list(clip.depth_maps())
    trees.write_tar(points, {'scene_points000000.tiff': trees.tiff(trees.scene_points_mm(80)[:9])})
    with pytest.raises(InputError, match='64x9'):
        list(clip.depth_maps())
    trees.write_tar(points, {'scene_points000000.tiff': b'noise'})
    with pytest.raises(InputError, match=r'scene_points000000\.tiff'):
        list(clip.depth_maps())


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
