"""Bags: round trips, QoS, and real files of rosbag2."""

import numpy as np
import pytest

from surgical_perception.bags import STORAGES, BagReader, BagWriter, message_class, read_messages
from surgical_perception.errors import InputError


def text(words):
    return message_class('std_msgs/msg/String')(data=words)


@pytest.mark.parametrize('storage', STORAGES)
def test_round_trip_keeps_order_bytes_and_qos(tmp_path, storage):
    pixels = np.arange(6, dtype=np.uint8)
    header = message_class('std_msgs/msg/Header')(
        stamp=message_class('builtin_interfaces/msg/Time')(sec=1, nanosec=2), frame_id='carm'
    )
    image = message_class('sensor_msgs/msg/Image')(
        header=header, height=2, width=3, encoding='mono8', is_bigendian=0, step=3, data=pixels
    )
    with BagWriter(tmp_path / 'bag', storage) as bag:
        bag.add_topic('/image', 'sensor_msgs/msg/Image', reliable=False, depth=5)
        bag.add_topic('/latched', 'std_msgs/msg/String', transient_local=True, depth=1)
        bag.write('/latched', 10, text('first'))
        bag.write('/image', 20, image)
        bag.write('/latched', 30, text('last'))

    with BagReader(tmp_path / 'bag') as bag:
        raw = list(bag.raw())
        assert bag.topics['/latched'].transient_local
        assert not bag.topics['/image'].transient_local
        assert not bag.topics['/image'].reliable
        assert bag.topics['/image'].depth == 5
        assert bag.topics['/latched'].count == 2
        assert bag.duration_s == pytest.approx(20e-9, abs=2e-9)
    assert [stamp for _, stamp, _ in raw] == [10, 20, 30]

    ((_, stamp, found),) = read_messages(tmp_path / 'bag', ['/image'])
    assert stamp == 20
    assert found.header.frame_id == 'carm'
    np.testing.assert_array_equal(found.data, pixels)

    with BagWriter(tmp_path / 'copy', storage) as copy:
        copy.add_topic('/image', 'sensor_msgs/msg/Image')
        copy.write('/image', 20, next(data for topic, _, data in raw if topic == '/image'))
    ((_, _, again),) = read_messages(tmp_path / 'copy')
    np.testing.assert_array_equal(again.data, pixels)


def test_an_error_while_writing_leaves_a_readable_bag(tmp_path):
    with pytest.raises(RuntimeError), BagWriter(tmp_path / 'bag') as bag:
        bag.add_topic('/text', 'std_msgs/msg/String')
        bag.write('/text', 1, text('kept'))
        raise RuntimeError
    assert [message.data for _, _, message in read_messages(tmp_path / 'bag')] == ['kept']


def test_bad_input_is_named(tmp_path):
    with pytest.raises(InputError, match='missing'), BagReader(tmp_path / 'missing'):
        pass
    (tmp_path / 'noise.mcap').write_bytes(b'no bag at all')
    with pytest.raises(InputError, match=r'noise\.mcap'), BagReader(tmp_path / 'noise.mcap'):
        pass
    with pytest.raises(InputError, match='storage'):
        BagWriter(tmp_path / 'bag', 'rosbag1')
    with BagWriter(tmp_path / 'bag') as bag, pytest.raises(InputError, match='none of ROS 2'):
        bag.add_topic('/x', 'my_msgs/msg/Own')
    with pytest.raises(InputError, match='no bag can be written'), BagWriter(tmp_path / 'bag'):
        pass
    with pytest.raises(InputError, match='has no topic /y'):
        list(read_messages(tmp_path / 'bag', ['/y']))


@pytest.mark.parametrize('storage', STORAGES)
def test_bags_written_by_rosbag2_itself(data_dir, storage):
    folders = sorted((data_dir / 'rosbag2_bags').rglob('metadata.yaml'))
    read = 0
    for folder in (path.parent for path in folders):
        if storage not in (folder / 'metadata.yaml').read_text():
            continue
        try:
            with BagReader(folder) as bag:
                read += sum(1 for _ in bag.raw())
        except InputError as error:
            assert str(folder) in str(error)  # some are broken on purpose
    assert read > 0
