"""Clips written as folders and bags, read back by the loaders and message by message."""

from dataclasses import replace

import numpy as np
import pytest

from surg_invnerf.camera import StereoCamera
from surg_invnerf.clip import Clip, StereoFrame
from surg_invnerf.clips import open_clip
from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.config import SceneConfig
from surg_invnerf.synthetic.write import TRUTH, write_bag, write_folder
from surgical_perception.bags import BagReader, read_messages
from surgical_perception.clouds import cloud_from_message
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.images import image_from_message
from surgical_perception.ros import stamps

CONFIG = SceneConfig(
    width=128,
    height=96,
    frames=3,
    poses=True,
    tool_masks=True,
    world_from_camera0=(0.1, 0.0, 0.2, 0.5, 0.0, 0.3),
)


class Recorded(Clip):
    """A clip without truth whose right principal point differs."""

    name, fps, sources = 'recorded', 25.0, {}
    camera = StereoCamera(PinholeCamera(32, 24, 30.0, 30.0, 15.0, 12.0), 0.005, 13.5)

    def __init__(self, posed=0):
        self._posed = posed

    def __len__(self):
        return 2

    def frames(self):
        for index in range(2):
            left = np.full((24, 32, 3), [10 * index, 20, 30], np.uint8)
            pose = np.eye(4) if index < self._posed else None
            yield StereoFrame(index, 40_000_000 * (index + 1), left, left + 100, pose)


@pytest.fixture(scope='module')
def clip():
    return SyntheticClip(CONFIG)


@pytest.fixture(scope='module')
def bag(clip, tmp_path_factory):
    path = tmp_path_factory.mktemp('bags') / 'synthetic'
    write_bag(clip, path)
    return path


def check_same(clip, read):
    assert len(read) == len(clip)
    assert read.fps == pytest.approx(clip.fps)
    assert read.camera.left.width == clip.camera.left.width
    assert read.camera.baseline_m == pytest.approx(clip.camera.baseline_m)
    np.testing.assert_allclose(read.camera.left.matrix, clip.camera.left.matrix)
    for expected, found in zip(clip.frames(), read.frames(), strict=True):
        np.testing.assert_array_equal(found.left, expected.left)
        np.testing.assert_array_equal(found.right, expected.right)
        if expected.world_from_camera is None:
            assert found.world_from_camera is None
        else:
            np.testing.assert_allclose(
                found.world_from_camera, expected.world_from_camera, atol=1e-12
            )


def test_a_folder_reads_back_as_it_was(clip, tmp_path):
    write_folder(clip, tmp_path)
    read = open_clip(str(tmp_path))
    check_same(clip, read)
    for expected, found in zip(clip.frames(), read.frames(), strict=True):
        np.testing.assert_array_equal(found.tool, expected.tool)


def test_a_bag_reads_back_as_it_was(clip, bag):
    read = open_clip(str(bag))
    check_same(clip, read)
    assert [f.stamp_ns for f in read.frames()] == [f.stamp_ns for f in clip.frames()]


def test_any_clip_can_be_written(tmp_path):
    write_folder(Recorded(), tmp_path / 'folder')
    write_bag(Recorded(), tmp_path / 'bag', storage='sqlite3')
    for name in ('folder', 'bag'):
        read = open_clip(str(tmp_path / name))
        check_same(Recorded(), read)
        assert read.camera.right_cx == pytest.approx(13.5)


def test_messages_are_those_of_a_rectified_pair(clip, bag):
    camera = clip.camera.left
    by_topic = {}
    for topic, stamp_ns, message in read_messages(bag):
        by_topic.setdefault(topic, []).append((stamp_ns, message))
    for eye, shift, frame in (
        ('left', 0.0, 'endoscope_left_optical'),
        ('right', -camera.fx * clip.camera.baseline_m, 'endoscope_right_optical'),
    ):
        infos = by_topic[f'/endoscope/{eye}/camera_info']
        images = by_topic[f'/endoscope/{eye}/image_rect']
        for (stamp_ns, info), (image_ns, image), original in zip(
            infos, images, clip.frames(), strict=True
        ):
            assert stamps.to_ns(info.header.stamp) == stamps.to_ns(image.header.stamp)
            assert stamp_ns == image_ns == original.stamp_ns
            assert info.header.frame_id == image.header.frame_id == frame
            assert info.p[3] == pytest.approx(shift)
            assert (info.p[0], info.p[2], info.p[6]) == (camera.fx, camera.cx, camera.cy)
            assert not info.d.any()
            np.testing.assert_array_equal(image_from_message(image), getattr(original, eye))
    eyes = by_topic['/tf_static'][0][1].transforms[0]
    assert eyes.transform.translation.x == pytest.approx(clip.camera.baseline_m)
    with BagReader(bag) as reader:
        assert reader.topics['/tf_static'].transient_local


@pytest.mark.parametrize('preset', ['ros', 'dvrk_isi'])
def test_measured_cp_follows_the_robots_convention(clip, preset, tmp_path):
    write_bag(clip, tmp_path / 'bag', poses='crtk', preset=preset, truth=False)
    messages = [m for _, _, m in read_messages(tmp_path / 'bag', ['/endoscope/measured_cp'])]
    turn = np.diag([-1.0, -1, 1, 1]) if preset == 'dvrk_isi' else np.eye(4)
    for index, message in enumerate(messages):
        p, q = message.pose.position, message.pose.orientation
        published = se3.from_quaternion([p.x, p.y, p.z], [q.x, q.y, q.z, q.w])
        expected = clip.truth.world_from_camera(index) @ turn
        np.testing.assert_allclose(published, expected, atol=1e-12)
    with BagReader(tmp_path / 'bag') as reader:
        assert not {'/tf', TRUTH} & set(reader.topics)


def test_truth_clouds_hold_the_tracks(clip, bag):
    clouds = [cloud_from_message(m) for _, _, m in read_messages(bag, [TRUTH])]
    expected = clip.truth.track(clip.truth.tissue_grid(0, 16))
    assert len(clouds) == len(clip)
    for frame, cloud in enumerate(clouds):
        np.testing.assert_array_equal(cloud['track_id'], np.arange(len(expected.uv)))
        np.testing.assert_array_equal(cloud['visible'] > 0, expected.visible[:, frame])
        found = np.stack([cloud[name] for name in 'xyz'], -1)
        np.testing.assert_allclose(found, expected.xyz_m[:, frame], atol=1e-7)
        np.testing.assert_allclose(cloud['u'], expected.uv[:, frame, 0], atol=1e-4)
    read = open_clip(str(bag)).track_truth()
    again = clip.truth.track(read.queries)
    np.testing.assert_allclose(read.uv, again.uv, atol=1e-3)


def test_a_bag_may_keep_its_poses_to_itself(clip, tmp_path):
    write_bag(clip, tmp_path / 'bag', poses='none')
    assert next(open_clip(str(tmp_path / 'bag')).frames()).world_from_camera is None


def test_what_cannot_be_written_is_refused(clip, tmp_path):
    with pytest.raises(InputError, match='poses is'):
        write_bag(clip, tmp_path / 'bag', poses='odometry')
    with pytest.raises(InputError, match='preset is'):
        write_bag(clip, tmp_path / 'bag', preset='rviz')
    with pytest.raises(InputError, match='1 of 2 frames have a pose'):
        write_folder(Recorded(posed=1), tmp_path / 'half')
    short = replace(CONFIG, frames=1)
    write_folder(SyntheticClip(short), tmp_path / 'folder')
    with pytest.raises(InputError, match='holds frames already'):
        write_folder(SyntheticClip(short), tmp_path / 'folder')
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='cannot be written'):
        write_folder(SyntheticClip(short), tmp_path / 'file')
