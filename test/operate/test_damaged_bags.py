"""Bags that were cut off, damaged or are none: refused by name, with what to do."""

import shutil
import sqlite3

import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Writer

from surgical_perception.bags import (
    STORAGES,
    BagReader,
    BagWriter,
    message_class,
    read_messages,
    typestore,
)
from surgical_perception.errors import InputError

SUFFIX = {'mcap': 'mcap', 'sqlite3': 'db3'}
COUNT = 400


@pytest.fixture(params=STORAGES)
def bag(request, tmp_path):
    """Return (folder, file) of a good bag of text."""
    folder = tmp_path / 'talk'
    with BagWriter(folder, request.param) as writer:
        writer.add_topic('/text', 'std_msgs/msg/String')
        for i in range(COUNT):
            words = message_class('std_msgs/msg/String')(data=f'{i} ' + 'x' * 200)
            writer.write('/text', 1000 + i, words)
    return folder, folder / f'talk.{SUFFIX[request.param]}'


def refusal(path):
    """Return why a bag is refused, or why a message of it is."""
    with pytest.raises(InputError) as refused:
        list(read_messages(path))
    return str(refused.value)


@pytest.mark.parametrize('share', [0.0, 0.01, 0.3, 0.7, 0.98])
def test_a_file_that_was_cut_off(bag, share):
    folder, file = bag
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    for path in (folder, file):
        reason = refusal(path)
        assert file.name in reason or str(folder) in reason
        assert 'ros2 bag reindex' in reason


def test_noise_in_a_file_never_passes_as_messages(bag):
    _, file = bag
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 9000] = bytes(range(256))[:-1] * 35 + bytes(75)
    file.write_bytes(content)
    try:
        read = [message.data for _, _, message in read_messages(file)]
    except InputError as error:
        assert str(file) in str(error)
    else:
        pytest.fail(f'{len(read)} messages were read')


def test_counts_that_contradict_the_metadata_are_noted(bag):
    folder, _ = bag
    metadata = folder / 'metadata.yaml'
    metadata.write_text(
        metadata.read_text().replace(f'message_count: {COUNT}', 'message_count: 7')
    )
    with BagReader(folder) as reader:
        assert reader.topics['/text'].count == COUNT
        assert f'lists 7 messages, the files hold {COUNT}' in reader.notes[0]


def test_parts_without_metadata_come_in_the_order_of_their_numbers(tmp_path):
    parts = tmp_path / 'parts'
    parts.mkdir()
    for number in (0, 2, 10):
        with BagWriter(tmp_path / f'of_{number}') as writer:
            writer.add_topic('/text', 'std_msgs/msg/String')
            words = message_class('std_msgs/msg/String')(data=str(number))
            writer.write('/text', 1000 + number, words)
        shutil.copy(tmp_path / f'of_{number}' / f'of_{number}.mcap', parts)
    assert [m.data for _, _, m in read_messages(parts)] == ['0', '2', '10']
    (parts / 'of_2.mcap').rename(parts / 'another.mcap')
    assert 'not the parts of one recording' in refusal(parts)


def test_a_database_with_messages_in_its_log_is_refused(tmp_path):
    """As after a recorder that was killed: its last messages stand in the log alone."""
    with BagWriter(tmp_path / 'bag', 'sqlite3') as writer:
        writer.add_topic('/text', 'std_msgs/msg/String')
        writer.write('/text', 1, message_class('std_msgs/msg/String')(data='first'))
    file = tmp_path / 'bag' / 'bag.db3'
    database = sqlite3.connect(file)
    database.execute('PRAGMA journal_mode=WAL')
    database.execute('INSERT INTO messages SELECT 2, topic_id, 2, data FROM messages')
    database.commit()
    killed = tmp_path / 'killed'
    shutil.copytree(tmp_path / 'bag', killed)
    database.close()
    for path in (killed, killed / 'bag.db3'):
        assert 'wal_checkpoint' in refusal(path)
    folded = sqlite3.connect(killed / 'bag.db3')
    folded.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    folded.close()
    assert len(list(read_messages(killed))) == 2


@pytest.mark.parametrize('mode', [CompressionMode.FILE, CompressionMode.MESSAGE])
def test_compressed_bags_are_read(tmp_path, mode):
    words = message_class('std_msgs/msg/String')(data='compressed')
    writer = Writer(tmp_path / 'bag', version=8)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        connection = writer.add_connection('/text', words.__msgtype__, typestore=typestore)
        writer.write(connection, 1, typestore.serialize_cdr(words, words.__msgtype__))
    assert [m.data for _, _, m in read_messages(tmp_path / 'bag')] == ['compressed']


@pytest.mark.parametrize(
    ('name', 'content', 'reason'),
    [
        ('old.bag', b'#ROSBAG V2.0', 'rosbags-convert --src old.bag'),
        ('notes.txt', b'', 'give its folder, or an .mcap or .db3 file'),
        ('empty.mcap', b'', 'empty.mcap'),
    ],
)
def test_what_is_no_bag_is_told_what_it_is(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    assert reason in refusal(tmp_path / name)


def test_one_topic_of_two_types_is_refused(tmp_path):
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/text', 'std_msgs/msg/String')
        writer._writer.add_connection('/text', 'std_msgs/msg/Header', typestore=typestore)
    assert 'std_msgs/msg/Header and as std_msgs/msg/String' in refusal(tmp_path / 'bag')
