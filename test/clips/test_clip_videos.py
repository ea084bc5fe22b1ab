"""Stacked videos and STIR sequences as clips."""

import shutil

import clip_trees as trees
import numpy as np
import pytest
import yaml
from clip_checks import assert_frames, refusal

from surg_invnerf.clips import open_clip
from surg_invnerf.clips.stacked import StackedVideoClip
from surg_invnerf.clips.stir import StirClip
from surgical_perception.errors import InputError


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
