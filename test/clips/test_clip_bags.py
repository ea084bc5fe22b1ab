"""Bags as clips: topics, pairing, poses, truth, and why a bag is refused."""

import array

import clip_trees as trees
import numpy as np
import pytest
import yaml

from surg_invnerf.clips import open_clip
from surg_invnerf.clips.bag import BagClip
from surgical_perception.bags import BagWriter, typestore
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3

MS = 1_000_000
CP = '/endoscope/measured_cp'


def refusal(path, calibration=None, read=False, **settings):
    with pytest.raises(InputError) as error:
        clip = BagClip(path, calibration, **settings)
        if read:
            list(clip.frames())
    text = str(error.value)
    assert '\n' not in text
    return text


def transforms(every_ns=trees.PERIOD_NS, until=trees.FRAMES, child=trees.CAMERA_FRAME):
    """Return /tf messages along the path of the test's poses, and a static eye."""
    count = int((until - 1) * trees.PERIOD_NS / every_ns) + 1
    found = [('/tf_static', 1, trees.tf_message(1, np.eye(4), child, 'endoscope_right_optical'))]
    for step in range(count):
        stamp_ns = trees.START_NS + step * every_ns
        matrix = trees.pose(step * every_ns / trees.PERIOD_NS)
        found.append(('/tf', stamp_ns, trees.tf_message(stamp_ns, matrix, child=child)))
    return found


def measured_cp(first=0, last=trees.FRAMES):
    return [
        (CP, trees.stamp(frame), trees.pose_message(trees.stamp(frame), trees.pose(frame)))
        for frame in range(first, last)
    ]


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_a_bag_is_read_with_poses_from_tf(tmp_path, storage):
    messages = trees.stereo_messages() + transforms()
    clip = open_clip(trees.write_bag(tmp_path / 'bag', messages, storage))
    assert isinstance(clip, BagClip)
    assert (clip.name, clip.pose_source, len(clip)) == ('bag', 'tf', trees.FRAMES)
    assert clip.fps == pytest.approx(trees.FPS)
    assert clip.camera.baseline_m == pytest.approx(trees.BASELINE_M)
    for _ in range(2):  # a clip may be read twice
        frames = list(clip.frames())
        assert [frame.stamp_ns for frame in frames] == [
            trees.stamp(i) for i in range(trees.FRAMES)
        ]
        for frame in frames:
            np.testing.assert_array_equal(frame.left, trees.picture(frame.index, 'left'))
            np.testing.assert_array_equal(frame.right, trees.picture(frame.index, 'right'))
            np.testing.assert_allclose(frame.world_from_camera, trees.pose(frame.index), atol=1e-9)


def test_the_file_of_a_bag_is_enough(tmp_path):
    path = trees.write_bag(tmp_path / 'bag', trees.stereo_messages())
    clip = open_clip(next(path.glob('*.mcap')))
    assert len(list(clip.frames())) == trees.FRAMES
    assert clip.pose_source == 'none'
    assert next(iter(clip.frames())).world_from_camera is None


def test_tf_between_samples_is_interpolated_and_chained(tmp_path):
    """The arm moves, the eye sits on it: both transforms count."""
    eye = se3.exp([0, 0.01, 0.2, 0, 0, 0.5])
    messages = trees.stereo_messages() + transforms(int(0.75 * trees.PERIOD_NS), 7, child='arm')
    messages.append(('/tf_static', 2, trees.tf_message(2, eye, 'arm', trees.CAMERA_FRAME)))
    clip = BagClip(trees.write_bag(tmp_path / 'bag', messages))
    for frame in clip.frames():
        expected = trees.pose(frame.index) @ eye
        np.testing.assert_allclose(frame.world_from_camera, expected, atol=1e-5)


def test_poses_from_measured_cp_with_a_preset(tmp_path):
    path = trees.write_bag(tmp_path / 'bag', trees.stereo_messages() + measured_cp())
    plain, turned = (
        list(open_clip(path, kinematics_preset=p).frames()) for p in ('ros', 'dvrk_isi')
    )
    assert BagClip(path).pose_source == CP
    for frame in plain:
        np.testing.assert_allclose(frame.world_from_camera, trees.pose(frame.index), atol=1e-9)
    about_z = se3.inverse(plain[2].world_from_camera) @ turned[2].world_from_camera
    np.testing.assert_allclose(about_z, np.diag([-1, -1, 1, 1]), atol=1e-9)


def test_poses_that_stop_are_held_and_late_ones_refused(tmp_path):
    stopped = trees.stereo_messages() + measured_cp(last=3)
    frames = list(BagClip(trees.write_bag(tmp_path / 'a', stopped)).frames())
    np.testing.assert_allclose(frames[4].world_from_camera, trees.pose(2), atol=1e-9)
    late = trees.stereo_messages() + measured_cp(first=4)
    assert 'begin more than 0.2 s after' in refusal(trees.write_bag(tmp_path / 'b', late))


def test_a_jump_of_the_robot_is_refused(tmp_path):
    far = se3.exp([80.0, 0, 0, 0, 0, 0])  # millimetres, probably
    jump = [(CP, trees.stamp(2), trees.pose_message(trees.stamp(2), far))]
    messages = trees.stereo_messages() + measured_cp(last=2) + jump + measured_cp(first=3)
    assert 'metres' in refusal(trees.write_bag(tmp_path / 'bag', messages))


def test_stamps_may_differ_by_the_tolerance_only(tmp_path):
    near = trees.write_bag(tmp_path / 'near', trees.stereo_messages(delay_ns=2 * MS))
    assert len(BagClip(near)) == trees.FRAMES
    assert [f.stamp_ns for f in BagClip(near).frames()][1] == trees.stamp(1)
    assert '0 pairs from 5 left and 5 right' in refusal(near, tolerance_s=0.001)
    far = trees.write_bag(tmp_path / 'far', trees.stereo_messages(delay_ns=40 * MS))
    words = refusal(far)
    assert '0.04 s apart' in words
    assert 'trigger both' in words


def test_a_frame_that_only_one_eye_saw_is_left_out(tmp_path):
    messages = trees.stereo_messages()
    dropped = next(
        m for m in messages if m[0] == '/endoscope/right/image_rect' and m[1] == trees.stamp(2)
    )
    messages.remove(dropped)
    frames = list(BagClip(trees.write_bag(tmp_path / 'bag', messages)).frames())
    assert [f.stamp_ns for f in frames] == [trees.stamp(i) for i in (0, 1, 3, 4)]
    assert [f.index for f in frames] == [0, 1, 2, 3]


def test_grey_and_compressed_images(tmp_path):
    messages = []
    for frame in range(2):
        for eye in ('left', 'right'):
            stamp_ns = trees.stamp(frame)
            pixels = trees.picture(frame, eye)
            messages += [
                (
                    f'/cam/{eye}/image_rect/compressed',
                    stamp_ns,
                    trees.compressed_message(stamp_ns, pixels),
                ),
                (f'/cam/{eye}/camera_info', stamp_ns, trees.info_message(stamp_ns, eye)),
            ]
    path = trees.write_bag(tmp_path / 'compressed', messages)
    np.testing.assert_array_equal(next(BagClip(path).frames()).left, trees.picture(0, 'left'))
    grey = [
        (topic, ns, trees.image_message(ns, message.data.reshape(48, 64, 3)[..., 1], 'mono8'))
        if topic.endswith('image_rect')
        else (topic, ns, message)
        for topic, ns, message in trees.stereo_messages(2)
    ]
    first = next(BagClip(trees.write_bag(tmp_path / 'grey', grey)).frames())
    np.testing.assert_array_equal(first.left[..., 0], trees.picture(0, 'left')[..., 1])


def test_colour_is_preferred_and_raw_images_are_refused(tmp_path):
    rectified = trees.stereo_messages()
    raw = [(t.replace('_rect', '_raw'), ns, m) for t, ns, m in rectified]
    colour = [(t.replace('_rect', '_rect_color'), ns, m) for t, ns, m in rectified if 'image' in t]
    clip = BagClip(trees.write_bag(tmp_path / 'all', rectified + colour + raw))
    assert clip._topics.left == '/endoscope/left/image_rect_color'
    assert 'is not rectified' in refusal(trees.write_bag(tmp_path / 'raw', raw))
    second = [(t.replace('endoscope', 'other'), ns, m) for t, ns, m in rectified]
    assert 'several stereo pairs' in refusal(trees.write_bag(tmp_path / 'two', rectified + second))


@pytest.mark.parametrize(
    ('eyes', 'reason'),
    [
        (('left',), 'has /endoscope/left/image_rect but no /endoscope/right/image_rect'),
        (('right',), 'no image of the left eye'),
        ((), 'is no recording of a stereo endoscope'),
    ],
)
def test_a_bag_without_both_eyes_is_refused(tmp_path, eyes, reason):
    messages = trees.stereo_messages(eyes=eyes) + transforms()
    assert reason in refusal(trees.write_bag(tmp_path / 'bag', messages))


def test_camera_info_is_needed_or_a_calibration(tmp_path):
    path = trees.write_bag(tmp_path / 'bag', trees.stereo_messages(info=False))
    assert 'has no camera_info' in refusal(path)
    calibration = tmp_path / 'calib.yaml'
    calibration.write_text(yaml.safe_dump(trees.CALIBRATION))
    clip = open_clip(path, calibration)
    assert clip.camera.baseline_m == trees.BASELINE_M
    assert set(clip.sources) == {'bag', 'calibration'}
    calibration.write_text(yaml.safe_dump(trees.CALIBRATION | {'width': 32, 'cx': 16}))
    assert 'is 64x48' in refusal(path, calibration, read=True)


@pytest.mark.parametrize(
    ('baseline_m', 'reason'),
    [(5.0, 'millimetres'), (-0.005, 'swapped'), (0.0, 'swapped')],
)
def test_a_wrong_baseline_is_refused(tmp_path, baseline_m, reason):
    images = [m for m in trees.stereo_messages() if 'camera_info' not in m[0]]
    infos = [
        (f'/endoscope/{eye}/camera_info', trees.START_NS, trees.info_message(1, eye, baseline_m))
        for eye in ('left', 'right')
    ]
    assert reason in refusal(trees.write_bag(tmp_path / 'bag', images + infos))


def test_bad_stamps_and_damaged_images_are_refused(tmp_path):
    messages = trees.stereo_messages()
    zero = [(t, ns, trees.image_message(0, trees.picture(0, 'left'))) for t, ns, _ in messages[:1]]
    assert 'stamp 0' in refusal(trees.write_bag(tmp_path / 'zero', zero + messages[1:]))
    # Written later, stamped as in the beginning: a clock that was set back.
    back = [
        (topic, ns + 10 * trees.PERIOD_NS, message)
        for topic, ns, message in trees.stereo_messages(info=False)
    ]
    assert 'jump back' in refusal(trees.write_bag(tmp_path / 'back', messages + back))
    cut = trees.stereo_messages()
    cut[0][2].data = np.frombuffer(array.array('B', b'\0' * 10), np.uint8)
    assert '10 bytes of data' in refusal(trees.write_bag(tmp_path / 'cut', cut), read=True)
    image = typestore.serialize_cdr(messages[-2][2], 'sensor_msgs/msg/Image')
    with BagWriter(tmp_path / 'short') as bag:
        for topic, _, message in messages[:4]:
            bag.add_topic(topic, message.__msgtype__)
        for topic, stamp_ns, message in messages[:4]:
            is_image = topic.endswith('image_rect')
            bag.write(topic, stamp_ns, bytes(image)[:60] if is_image else message)
    assert 'damaged sensor_msgs/msg/Image' in refusal(tmp_path / 'short', read=True)


POINT = np.dtype(
    [(name, 'f4') for name in ('x', 'y', 'z', 'u', 'v')] + [('track_id', 'u4'), ('visible', 'u1')]
)


def truth_messages(stamp_shift_ns=0):
    """Track 7 is seen from frame 0 on, track 9 from frame 2, track 4 never."""
    found = []
    for frame in range(trees.FRAMES):
        stamp_ns = trees.stamp(frame) + stamp_shift_ns
        points = [(0.01 * frame, 0, 0.08, 10 + frame, 20, 7, 1), (np.nan,) * 5 + (4, 0)]
        points += [(0, 0.01, 0.09, 30, 20 + frame, 9, frame >= 2)] if frame else []
        cloud = trees.cloud_message(stamp_ns, np.array(points, POINT))
        found.append(('/truth/tracks', stamp_ns, cloud))
    return found


def test_the_truth_of_a_bag(tmp_path):
    path = trees.write_bag(tmp_path / 'bag', trees.stereo_messages() + truth_messages())
    truth = BagClip(path).track_truth()
    assert truth.queries.tolist() == [[10, 20, 0], [30, 22, 2]]
    assert truth.uv[0, :, 0].tolist() == [10, 11, 12, 13, 14]
    assert truth.visible.tolist() == [[True] * 5, [False, False, True, True, True]]
    assert truth.xyz_m[1, 3] == pytest.approx([0, 0.01, 0.09])
    assert BagClip(trees.write_bag(tmp_path / 'b', trees.stereo_messages())).track_truth() is None
    apart = trees.write_bag(tmp_path / 'c', trees.stereo_messages() + truth_messages(MS))
    with pytest.raises(InputError, match='no cloud has the stamp'):
        BagClip(apart).track_truth()
    wrong = np.zeros(1, [('x', 'f4')])
    bad = [('/truth/tracks', trees.START_NS, trees.cloud_message(trees.START_NS, wrong))]
    with pytest.raises(InputError, match='no field y, z, u'):
        BagClip(trees.write_bag(tmp_path / 'd', trees.stereo_messages() + bad)).track_truth()


def test_a_damaged_bag_is_refused_by_name(tmp_path):
    path = trees.write_bag(tmp_path / 'bag', trees.stereo_messages())
    file = next(path.glob('*.mcap'))
    file.write_bytes(file.read_bytes()[:5000])
    assert 'is no readable bag' in refusal(path)
    (path / 'metadata.yaml').write_bytes(b'\x8a\xff')
    assert 'is no readable bag' in refusal(path)
    (tmp_path / 'x.mcap').write_bytes(b'noise')
    assert 'x.mcap' in refusal(tmp_path / 'x.mcap')


def test_bags_of_other_recorders_are_refused(data_dir):
    """Bags that rosbag2 wrote itself: strings and logs, no images."""
    bags = data_dir / 'rosbag2_bags' / 'rosbag2_py' / 'test' / 'resources'
    if not bags.is_dir():
        pytest.skip(f'no rosbag2_bags in {data_dir}')
    for storage in ('mcap', 'sqlite3'):
        assert 'is no recording of a stereo endoscope' in refusal(bags / storage / 'talker')
