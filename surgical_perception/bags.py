"""
ROS 2 bags (sqlite3 and mcap) read and written without a ROS install, by rosbags.

Messages are the rosbags classes of Jazzy's types, with the fields of the ROS messages and arrays
as NumPy; `raw` carries the CDR bytes as they are, which is all that a replay needs.
"""

import sqlite3
import struct
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
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.rosbag2.errors import ReaderError, WriterError
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_typestore

from surgical_perception.errors import InputError

# Metadata of Jazzy: Humble's rosbag2 reads version 8 only without its type hashes, Jazzy 8 and 9.
_BAG_VERSION = 8
# rosbag2 writes "no deadline" and "no lease" as this number of seconds.
_INFINITE = QosTime(9223372036, 854775807)
# What rosbags and the readers below it raise on files and messages that are damaged.
_DAMAGED = (
    ReaderError,
    SerdeError,
    OSError,
    EOFError,
    ValueError,  # with UnicodeDecodeError
    LookupError,
    MemoryError,  # a length that is nonsense
    struct.error,
    sqlite3.Error,
)
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

    Raises InputError, naming the file, where it is none or is damaged.
    """

    def __init__(self, path):
        self._path = Path(path)

    def __enter__(self):
        try:
            self._reader = Reader(self._path)
            self._reader.open()
        except _DAMAGED as error:
            raise self._unreadable(error) from None
        self.topics = {}
        for connection in self._reader.connections:
            self.topics.setdefault(connection.topic, _topic(connection))
        return self

    def __exit__(self, *exception):
        self._reader.close()

    @property
    def duration_s(self):
        """Seconds between the first and the last message."""
        return self._reader.duration * 1e-9

    def raw(self, topics=None):
        """Yield (topic name, bag time in ns, CDR bytes) in order; `topics` limits the names."""
        if topics is not None and (missing := sorted(set(topics) - set(self.topics))):
            raise InputError(
                f'{self._path}: has no topic {", ".join(missing)}, '
                f'but {", ".join(sorted(self.topics)) or "none at all"}'
            )
        wanted = [c for c in self._reader.connections if topics is None or c.topic in topics]
        try:
            for connection, stamp_ns, data in self._reader.messages(wanted):
                yield connection.topic, stamp_ns, data
        except _DAMAGED as error:
            raise self._unreadable(error) from None

    def messages(self, topics=None):
        """Yield (topic name, bag time in ns, message) in order."""
        for topic, stamp_ns, data in self.raw(topics):
            yield topic, stamp_ns, self.decoded(topic, data)

    def decoded(self, topic, data):
        """Return the message of a topic from its CDR bytes."""
        try:
            return typestore.deserialize_cdr(data, self.topics[topic].type)
        except _DAMAGED as error:
            reason = ' '.join(str(error).split())
            raise InputError(
                f'{self._path}: {topic} holds a damaged {self.topics[topic].type}: {reason}'
            ) from None

    def _unreadable(self, error):
        return InputError(f'{self._path}: is no readable bag: {" ".join(str(error).split())}')


def read_messages(path, topics=None):
    """Yield (topic name, bag time in ns, message) of a bag in order."""
    with BagReader(path) as reader:
        yield from reader.messages(topics)


def _topic(connection):
    """Summarise the offered QoS profiles: a topic is only as strong as its weakest publisher."""
    profiles = connection.ext.offered_qos_profiles
    return Topic(
        connection.topic,
        connection.msgtype,
        connection.msgcount,
        all(p.reliability != QosReliability.BEST_EFFORT for p in profiles),
        bool(profiles) and all(p.durability == QosDurability.TRANSIENT_LOCAL for p in profiles),
        max((p.depth for p in profiles), default=Topic.depth) or Topic.depth,
    )
