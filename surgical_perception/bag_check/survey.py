"""One pass over a bag: the stamps and frames of every topic, and all of TF."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from surgical_perception import bag_headers
from surgical_perception.bags import BagReader, Topic
from surgical_perception.errors import InputError
from surgical_perception.frames.tree import STATIC_TOPIC, FrameTree
from surgical_perception.ros import stamps
from surgical_perception.ros.transform_buffer import TransformBuffer
from surgical_perception.ros.validation import pose_from_transform

TF_MESSAGE = 'tf2_msgs/msg/TFMessage'
# In a recording nothing is forgotten.
_FOREVER_S = 1e9


@dataclass
class Stream:
    """
    The messages of a topic.

    topic       bags.Topic
    bag_ns      times of recording
    stamp_ns    header stamps; empty for types without a header
    frames      {frame_id: count}
    damaged     why messages cannot be decoded, '' where all can
    """

    topic: Topic
    bag_ns: list = field(default_factory=list)
    stamp_ns: list = field(default_factory=list)
    frames: dict = field(default_factory=dict)
    damaged: str = ''

    @property
    def rate_hz(self):
        """Messages a second by the median of the periods; 0 for fewer than two."""
        period_ns = np.median(np.diff(self.bag_ns)) if len(self.bag_ns) > 1 else 0
        return stamps.NS_PER_S / period_ns if period_ns > 0 else 0.0


@dataclass
class BagSurvey:
    """
    A bag as a whole.

    streams     {topic: Stream}
    tree        FrameTree of its TF
    buffer      TransformBuffer with all of its TF
    notes       what is unusual about its files
    """

    path: Path
    streams: dict
    begin_ns: int
    duration_s: float
    notes: list
    tree: FrameTree = field(default_factory=FrameTree)
    buffer: TransformBuffer = field(default_factory=lambda: TransformBuffer(_FOREVER_S))

    @property
    def topics(self):
        """{name: bags.Topic}."""
        return {name: stream.topic for name, stream in self.streams.items()}


def survey_bag(path, watch=lambda done: None):
    """
    Return the BagSurvey of a bag; `watch(messages read)` is called now and then.

    Raises InputError where the bag cannot be read; single damaged messages are noted.
    """
    with BagReader(path) as bag:
        streams = {name: Stream(topic) for name, topic in bag.topics.items()}
        survey = BagSurvey(Path(path), streams, bag.begin_ns, bag.duration_s, bag.notes)
        headed = {n for n, topic in bag.topics.items() if bag_headers.has_header(topic.type)}
        for done, (name, bag_ns, raw) in enumerate(bag.raw()):
            stream = streams[name]
            stream.bag_ns.append(bag_ns)
            try:
                if stream.topic.type == TF_MESSAGE:
                    _take_transforms(survey, stream, bag.decoded(name, raw))
                elif name in headed:
                    _take_header(stream, *bag_headers.header(raw, name))
            except InputError as error:
                stream.damaged = stream.damaged or str(error)
            watch(done)
    return survey


def _take_header(stream, stamp_ns, frame):
    stream.stamp_ns.append(stamp_ns)
    stream.frames[frame] = stream.frames.get(frame, 0) + 1


def _take_transforms(survey, stream, message):
    static = stream.topic.name.endswith(STATIC_TOPIC)
    survey.tree.add(message, static)
    if message.transforms:
        first = message.transforms[0].header
        _take_header(stream, stamps.to_ns(first.stamp), first.frame_id)
    for item in message.transforms:
        _insert(survey.buffer, item, static)


def _insert(buffer, item, static):
    """Put a transform into the buffer; the tree says what is wrong with those that it refuses."""
    names, stamp_ns = (item.header.frame_id, item.child_frame_id), stamps.to_ns(item.header.stamp)
    try:
        buffer.set_transform(*names, stamp_ns, pose_from_transform(item.transform), static)
    except InputError:
        return
