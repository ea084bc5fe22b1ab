"""Every bag that rosbag2 tests itself with is read completely, or refused with a reason."""

from pathlib import Path

import pytest

from surgical_perception import cli
from surgical_perception.bags import BagReader
from surgical_perception.errors import InputError

PY = 'rosbag2_py/test/resources'
TESTS = 'rosbag2_tests/resources'
TRANSPORT = 'rosbag2_transport/test/resources'
CPP = 'rosbag2_cpp/test/rosbag2_cpp/bags'

# Message counts as `sqlite3` and the statistics record of mcap give them.
SERVICE_EVENTS = {
    '/test_service1/_service_event': 4,
    '/test_service2/_service_event': 4,
    '/test_topic1': 1,
    '/test_topic2': 1,
}
WRITERS = {'AAA': 804, 'BBB': 742, 'CCC': 742, 'DDD': 753}
WRITERS |= {'EEE': 804, 'FFF': 772, 'GGG': 731, 'HHH': 726}
READ = {
    'ros2bag/test/resources/empty_bag': {},
    f'{CPP}/only_services.mcap': {'/add_two_ints/_service_event': 12},
    f'{CPP}/only_topics.mcap': {'/parameter_events': 7},
    f'{CPP}/topics_and_services.mcap': {'/parameter_events': 7, '/add_two_ints/_service_event': 6},
    f'{CPP}/topics_and_services.db3': {'/parameter_events': 7, '/add_two_ints/_service_event': 6},
    # QoS in metadata.yaml that is not word for word that in the file
    f'{PY}/mcap/convert_a': {'a_empty': 100, 'b_basictypes': 50},
    f'{PY}/sqlite3/convert_a': {'a_empty': 100, 'b_basictypes': 50},
    f'{PY}/mcap/convert_b': {'a_empty': 25, 'c_strings': 50},
    f'{PY}/sqlite3/convert_b': {'a_empty': 25, 'c_strings': 50},
    f'{TRANSPORT}/mcap/rewriter_a': {'a_empty': 100, 'b_basictypes': 50},
    f'{TRANSPORT}/sqlite3/rewriter_a': {'a_empty': 100, 'b_basictypes': 50},
    f'{TRANSPORT}/mcap/rewriter_b': {'a_empty': 25, 'c_strings': 50},
    f'{TRANSPORT}/sqlite3/rewriter_b': {'a_empty': 25, 'c_strings': 50},
    f'{PY}/mcap/talker': {'/topic': 10, '/rosout': 10},
    f'{PY}/sqlite3/talker': {'/topic': 10, '/rosout': 10},
    # several files; the first two have no metadata.yaml
    f'{PY}/mcap/reindex_test_bags/multiple_files': {'/chatter': 3177},
    f'{PY}/sqlite3/reindex_test_bags/multiple_files': {'/chatter': 3177},
    f'{PY}/mcap/wbag': WRITERS,
    f'{PY}/sqlite3/wbag': WRITERS,
    f'{TESTS}/mcap/bag_with_topics_and_service_events': SERVICE_EVENTS,
    f'{TESTS}/sqlite3/bag_with_topics_and_service_events': SERVICE_EVENTS,
    f'{TESTS}/mcap/cdr_test': {'/test_topic': 3, '/array_topic': 4},
    f'{TESTS}/sqlite3/cdr_test': {'/test_topic': 3, '/array_topic': 4},
    f'{TRANSPORT}/mcap/test_bag_for_seek': {'topic1': 5},
    f'{TRANSPORT}/sqlite3/test_bag_for_seek': {'topic1': 5},
    # Its metadata.yaml says otherwise, see below: the file alone is CDR.
    f'{TESTS}/sqlite3/wrong_rmw_test/wrong_rmw_test_0.db3': {'/test_topic': 3, '/array_topic': 4},
}
REFUSED = {
    CPP: 'are not the parts of one recording',
    f'{TESTS}/empty_dir': 'holds neither metadata.yaml nor a file',
    f'{TESTS}/mcap/wrong_rmw_test': 'wrong_format',
    f'{TESTS}/sqlite3/wrong_rmw_test': 'wrong_format',
    f'{TESTS}/mcap/wrong_rmw_test/wrong_rmw_test_0.mcap': 'not as CDR',
}


@pytest.fixture(scope='module')
def bags(data_dir):
    return data_dir / 'rosbag2_bags'


def test_the_table_holds_every_bag(bags):
    files = {path for path in bags.rglob('*') if path.suffix in ('.db3', '.mcap')}
    listed = {bags / name for name in [*READ, *REFUSED]}
    assert [file for file in files if not {file, file.parent} & listed] == []
    folders = {path.parent for path in bags.rglob('metadata.yaml')}
    assert folders <= listed


@pytest.mark.parametrize('name', READ)
def test_every_message_is_read_in_order(bags, name):
    counts, stamps = {}, []
    with BagReader(bags / name) as bag:
        for topic, stamp_ns, _ in bag.raw():
            counts[topic] = counts.get(topic, 0) + 1
            stamps.append(stamp_ns)
        listed = {topic.name: topic.count for topic in bag.topics.values() if topic.count}
        if stamps:
            # The statistics of mcap take the stamp 0 for none.
            begin_ns = stamps[0] or bag.begin_ns
            assert bag.begin_ns == begin_ns <= 1_000_000 + stamps[0]
            assert bag.duration_s == pytest.approx((stamps[-1] - begin_ns) * 1e-9, abs=2e-9)
    assert counts == listed == READ[name]
    assert stamps == sorted(stamps)


@pytest.mark.parametrize('name', READ)
def test_every_message_is_decoded_or_its_type_is_named(bags, name):
    with BagReader(bags / name) as bag:
        for topic in filter(lambda topic: topic.count, bag.topics.values()):
            if topic.type.startswith(('test_msgs/', 'example_interfaces/')):
                reason = f'{topic.name} is of type {topic.type}, which is none of ROS 2'
                with pytest.raises(InputError, match=reason):
                    next(bag.messages([topic.name]))
            else:
                assert len(list(bag.messages([topic.name]))) == topic.count


@pytest.mark.parametrize('name', REFUSED)
def test_the_reason_of_a_refusal(bags, name):
    with pytest.raises(InputError, match=REFUSED[name]) as refused, BagReader(bags / name):
        pass
    assert str(Path(bags / name)) in str(refused.value)


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_a_recording_without_metadata_is_noted(bags, storage):
    with BagReader(bags / PY / storage / 'reindex_test_bags/multiple_files') as bag:
        assert 'no metadata.yaml' in bag.notes[0]
    with BagReader(bags / PY / storage / 'wbag') as bag:
        assert bag.notes == []


def test_check_bag_says_of_each_what_it_is(bags, capsys):
    """None is of a theatre: exit code 1, or 2 with one sentence; nothing else ever happens."""
    for name in READ:
        assert cli.main(['check-bag', str(bags / name)]) == 1
        said = capsys.readouterr().out
        assert 'xray_registration_node would get nothing' in said
        assert 'surg_invnerf_node would get nothing' in said
        assert all(topic in said for topic in READ[name])
    for name, reason in REFUSED.items():
        assert cli.main(['check-bag', str(bags / name)]) == 2
        assert reason in capsys.readouterr().err
