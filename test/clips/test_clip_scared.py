"""SCARED keyframes as clips: rectified images, poses and depth."""

import json
import shutil

import clip_trees as trees
import cv2
import numpy as np
import pytest
from clip_checks import assert_frames, refusal

from surg_invnerf.clips import open_clip
from surg_invnerf.clips.scared import ScaredClip
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3


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
