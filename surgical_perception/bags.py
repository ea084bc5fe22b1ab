"""
ROS 2 bags (sqlite3 and mcap) read and written without a ROS install, by rosbags.

Messages are the rosbags classes of Jazzy's types, with the fields of the ROS messages and arrays
as NumPy; `raw` carries the CDR bytes as they are, which is all that a replay needs.
"""

from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.errors import WriterError
from rosbags.typesys import Stores, get_typestore

from surgical_perception import bag_files
from surgical_perception.errors import InputError

# Metadata of Jazzy: Humble's rosbag2 reads version 8 only without its type hashes, Jazzy 8 and 9.
_BAG_VERSION = 8
# rosbag2 writes "no deadline" and "no lease" as this number of seconds.
_INFINITE = QosTime(9223372036, 854775807)
STORAGES = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}

typestore = get_typestore(Stores.ROS2_JAZZY)


@dataclass(frozen=True)
class Topic:
    """A topic of a bag with the QoS that its publishers offered."""

    name: str
    type: str
    count: int = 0
    reliable: bool = True
    transient_local: bool = False
    depth: int = 10


def message_class(msgtype):
    """Return the rosbags class of a message type such as 'sensor_msgs/msg/Image'."""
    if msgtype not in typestore.types:
        raise InputError(f'message type {msgtype} is none of ROS 2 Jazzy: it cannot be handled')
    return typestore.types[msgtype]


class BagWriter:
    """
    Write a bag: a context manager; leaving it writes the index, also after an error.

    path        folder of the bag, must not exist
    storage     'mcap' or 'sqlite3'
    """

    def __init__(self, path, storage='mcap'):
        if storage not in STORAGES:
            raise InputError(f'bag storage is {storage!r}, expected one of {", ".join(STORAGES)}')
        self._path = Path(path)
        self._storage = storage
        self._connections = {}

    def __enter__(self):
        try:
            self._writer = Writer(
                self._path, version=_BAG_VERSION, storage_plugin=STORAGES[self._storage]
            )
            self._writer.open()
        except (WriterError, OSError) as error:
            raise InputError(f'{self._path}: no bag can be written: {error}') from None
        return self

    def __exit__(self, *exception):
        self._writer.close()

    def add_topic(self, name, msgtype, reliable=True, transient_local=False, depth=10):
        """Declare a topic before its first message; refuses types that ROS 2 Jazzy lacks."""
        message_class(msgtype)
        qos = Qos(
            QosHistory.KEEP_LAST,
            depth,
            QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT,
            QosDurability.TRANSIENT_LOCAL if transient_local else QosDurability.VOLATILE,
            _INFINITE,
            _INFINITE,
            QosLiveliness.AUTOMATIC,
            _INFINITE,
            False,
        )
        self._connections[name] = self._writer.add_connection(
            name, msgtype, typestore=typestore, offered_qos_profiles=[qos]
        )

    def write(self, topic, stamp_ns, message):
        """Append a message (an object of `message_class`, or its CDR bytes) at a bag time."""
        connection = self._connections[topic]
        if not isinstance(message, (bytes, bytearray, memoryview)):
            message = typestore.serialize_cdr(message, connection.msgtype)
        self._writer.write(connection, stamp_ns, message)


class BagReader:
    """
    Read a bag: a context manager over a folder, an .mcap or a .db3 file.

    `topics` is {name: Topic} with the counts of the files themselves; `notes` says what is unusual
    about the bag.  Raises InputError, naming the file, where it is none or is damaged.
    """

    def __init__(self, path):
        self._path = Path(path)

    def __enter__(self):
        self.notes = []
        with ExitStack() as opened:
            self._readers = [
                opened.enter_context(closing(bag_files.open_file(path)))
                for path in bag_files.files_to_open(self._path)
            ]
            # The files themselves: metadata.yaml may be older than they, or wrong.
            self._files = [file for reader in self._readers for file in _files(reader)]
            self.topics = self._merged()
            self._note()
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *exception):
        self._opened.close()

    @property
    def begin_ns(self):
        """Bag time of the first message; 0 where there is none."""
        return min((m.start_time for m in self._metadata()), default=0)

    @property
    def duration_s(self):
        """Seconds between the first and the last message."""
        last_ns = max((m.end_time - 1 for m in self._metadata()), default=0)
        return (last_ns - self.begin_ns) * 1e-9

    def _metadata(self):
        return [file.metadata for file in self._files if file.metadata.message_count]

    def raw(self, topics=None):
        """Yield (topic name, bag time in ns, CDR bytes) in order; `topics` limits the names."""
        if topics is not None and (missing := sorted(set(topics) - set(self.topics))):
            raise InputError(
                f'{self._path}: has no topic {", ".join(missing)}, '
                f'but {", ".join(sorted(self.topics)) or "none at all"}'
            )
        for reader in self._readers:
            # rosbags passes over, without a word, every message of a topic whose QoS in
            # metadata.yaml is not word for word that in the file: hence the file's connections.
            wanted = [
                connection
                for file in _files(reader)
                for connection in file.connections
                if topics is None or connection.topic in topics
            ]
            try:
                for connection, stamp_ns, data in reader.messages(wanted) if wanted else ():
                    yield connection.topic, stamp_ns, data
            except Exception as error:  # whatever parsers raise on damaged bytes
                raise bag_files.unreadable(reader.path, error) from None

    def messages(self, topics=None):
        """Yield (topic name, bag time in ns, message) in order."""
        for topic, stamp_ns, data in self.raw(topics):
            yield topic, stamp_ns, self.decoded(topic, data)

    def decoded(self, topic, data):
        """Return the message of a topic from its CDR bytes."""
        kind = self.topics[topic].type
        if kind not in typestore.types:
            raise InputError(
                f'{self._path}: {topic} is of type {kind}, which is none of ROS 2 Jazzy: it '
                'cannot be decoded'
            )
        try:
            return typestore.deserialize_cdr(data, kind)
        except Exception as error:  # likewise
            reason = ' '.join(str(error).split()) or type(error).__name__
            raise InputError(f'{self._path}: {topic} holds a damaged {kind}: {reason}') from None

    def _merged(self):
        topics = {}
        for file in self._files:
            for connection in file.connections:
                topics.setdefault(connection.topic, []).append(connection)
        for name, found in topics.items():
            if len(kinds := {c.msgtype for c in found}) > 1:
                raise InputError(
                    f'{self._path}: {name} is recorded as {" and as ".join(sorted(kinds))}: '
                    'record one type under one name'
                )
        return {name: _topic(found) for name, found in topics.items()}

    def _note(self):
        counted = sum(topic.count for topic in self.topics.values())
        if self._path.is_dir() and not (self._path / bag_files.METADATA).exists():
            files = ', '.join(reader.path.name for reader in self._readers)
            self.notes.append(
                f'no {bag_files.METADATA}: the recording was cut off; read from {files} '
                f'(`ros2 bag` needs a `ros2 bag reindex` first)'
            )
        elif (listed := self._readers[0].message_count) != counted:
            self.notes.append(
                f'{bag_files.METADATA} lists {listed} messages, the files hold {counted}: '
                f'{bag_files.REINDEX}'
            )


def read_messages(path, topics=None):
    """Yield (topic name, bag time in ns, message) of a bag in order."""
    with BagReader(path) as reader:
        yield from reader.messages(topics)


def _files(reader):
    """Return the readers of the files themselves below a rosbags Reader."""
    return getattr(reader.storage, 'storages', [reader.storage])


def _topic(connections):
    """Summarise the offered QoS profiles: a topic is only as strong as its weakest publisher."""
    profiles = [profile for c in connections for profile in c.ext.offered_qos_profiles]
    return Topic(
        connections[0].topic,
        connections[0].msgtype,
        sum(c.msgcount for c in connections),
        all(p.reliability != QosReliability.BEST_EFFORT for p in profiles),
        bool(profiles) and all(p.durability == QosDurability.TRANSIENT_LOCAL for p in profiles),
        max((p.depth for p in profiles), default=Topic.depth) or Topic.depth,
    )
