"""Which topics are X-rays, which half a bag is for, and what is said where it is not clear."""

import pytest

from surgical_perception import bag_half, cli
from surgical_perception.bags import BagWriter, Topic
from surgical_perception.errors import InputError
from xray_registration.evaluation import bag_topics
from xray_registration.evaluation.bag_topics import find_xray

IMAGE, INFO = bag_topics.IMAGE, bag_topics.CAMERA_INFO
COMPRESSED = 'sensor_msgs/msg/CompressedImage'


def topics(**types):
    """Return {name: Topic}; in the names `_s_` stands for a slash."""
    named = {'/' + name.replace('_s_', '/'): msgtype for name, msgtype in types.items()}
    return {name: Topic(name, msgtype, 1) for name, msgtype in named.items()}


CARM = topics(carm_s_image_rect=IMAGE, carm_s_camera_info=INFO)
BIPLANE = topics(
    a_s_frontal_s_image_rect=IMAGE,
    a_s_frontal_s_camera_info=INFO,
    a_s_lateral_s_image_rect=IMAGE,
    a_s_lateral_s_camera_info=INFO,
)
FULL = CARM | topics(
    initial_pose=bag_topics.POSE_WITH_COVARIANCE,
    xray_registration_node_s_pose=bag_topics.POSE_WITH_COVARIANCE,
    truth_s_ct_pose=bag_topics.POSE_STAMPED,
    tool_s_measured_cp=bag_topics.POSE_STAMPED,
    tf=bag_topics.TF_MESSAGE,
    tf_static=bag_topics.TF_MESSAGE,
)


def test_one_image_with_camera_info_is_the_x_ray_and_the_rest_is_known_by_name():
    found = find_xray(FULL, 'bag')
    assert found.images == {'/carm/image_rect': 'carm'}
    assert found.infos == {'/carm/camera_info': 'carm'}
    assert found.initial_pose == '/initial_pose'  # not the pose that the node publishes
    assert found.truth == '/truth/ct_pose'  # not that of a tool
    assert found.transforms == ('/tf', '/tf_static')
    nothing = find_xray(CARM, 'bag')
    assert (nothing.initial_pose, nothing.truth, nothing.transforms) == ('', '', ())


def test_views_are_found_below_their_names_or_as_they_are_given():
    found = find_xray(BIPLANE, 'bag', ('lateral', 'frontal'))
    assert found.images == {'/a/lateral/image_rect': 'lateral', '/a/frontal/image_rect': 'frontal'}
    given = ('/a/frontal/image_rect', '/a/lateral/image_rect')
    assert list(find_xray(BIPLANE, 'bag', ('x', 'y'), given).infos.values()) == ['x', 'y']
    assert find_xray(BIPLANE, 'bag', ('lateral',)).images == {'/a/lateral/image_rect': 'lateral'}
    named = find_xray(FULL, 'bag', truth='/tool/measured_cp')
    assert named.truth == '/tool/measured_cp'


@pytest.mark.parametrize(
    ('held', 'arguments', 'reason'),
    [
        (BIPLANE, {}, 'image_rect with camera_info beside it is wanted, but the images are /a/fr'),
        (topics(image_rect=IMAGE), {}, 'but the images are /image_rect'),
        (topics(x=INFO), {}, 'but the images are none'),
        (CARM, {'views': ('a', 'b')}, 'a/image_rect, b/image_rect with camera_info'),
        (CARM, {'images': ('/a', '/b')}, '2 image topics but views'),
        (CARM, {'images': ('/carm/camera_info',)}, 'no topic /carm/camera_info of type sensor'),
        (topics(x_s_i=IMAGE), {'images': ('/x/i',)}, '/x/i has no /x/camera_info beside it'),
        (FULL | topics(truth_s_b=bag_topics.POSE_STAMPED), {}, 'several truths'),
    ],
)
def test_what_is_not_clear_is_refused_with_what_there_is(held, arguments, reason):
    with pytest.raises(InputError, match=reason):
        find_xray(held, 'bag', **arguments)


def write(path, held):
    with BagWriter(path) as bag:
        for name, topic in held.items():
            bag.add_topic(name, topic.type)
            bag.write(name, 1, b'\x00\x01\x00\x00')
    return path


@pytest.mark.parametrize(
    ('held', 'half'),
    [
        (FULL, bag_half.XRAY),
        (BIPLANE, bag_half.XRAY),
        (topics(s_s_left_s_image_raw=IMAGE, s_s_right_s_image_raw=IMAGE), bag_half.ENDO),
        (
            CARM
            | topics(
                left_s_image_rect_s_compressed=COMPRESSED,
                right_s_image_rect_s_compressed=COMPRESSED,
            ),
            bag_half.ENDO,
        ),
        (
            topics(x_s_image_rect_s_compressed=COMPRESSED, x_s_image_rect_s_camera_info=INFO),
            None,
        ),
        (topics(left_s_image_rect=IMAGE), None),
    ],
)
def test_the_half_is_guessed_from_the_topics(tmp_path, held, half):
    path = write(tmp_path / 'bag', held)
    if half is None:
        with pytest.raises(InputError, match='neither half') as refusal:
            bag_half.half_of(path)
        assert all(f'{name} [{topic.type}]' in str(refusal.value) for name, topic in held.items())
    else:
        assert bag_half.half_of(path)[0] == half


def test_a_bag_is_known_with_and_without_its_metadata(tmp_path):
    path = write(tmp_path / 'bag', CARM)
    assert bag_half.is_bag(path)
    (path / 'metadata.yaml').unlink()
    assert bag_half.is_bag(path)
    assert bag_half.is_bag(next(path.glob('*.mcap')))
    assert not bag_half.is_bag(tmp_path)
    assert not bag_half.is_bag('synthetic:1')


def test_the_verb_says_what_it_took_a_bag_for(tmp_path, capsys):
    carm, text = write(tmp_path / 'carm', CARM), write(tmp_path / 'text', topics(x=INFO))
    endo = write(tmp_path / 'endo', topics(left_s_image_rect=IMAGE, right_s_image_rect=IMAGE))
    out = ['--out', str(tmp_path / 'out')]
    assert cli.main(['evaluate', str(carm), *out]) == 2
    assert f'{carm}: taken for the bag of a C-arm: /carm/image_rect' in capsys.readouterr().err
    assert cli.main(['evaluate', str(endo), *out, '--sdd-mm', '1000']) == 2
    said = capsys.readouterr().err
    assert 'taken for the bag of a stereo endoscope: /left/image_rect has /right' in said
    assert '--sdd-mm does not belong' in said
    assert cli.main(['evaluate', str(text), *out]) == 2
    assert '/x [sensor_msgs/msg/CameraInfo]' in capsys.readouterr().err
