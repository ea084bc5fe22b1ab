"""TF of a bag as a node that listens to its replay has it: nothing from the future."""

from surgical_perception.bags import BagReader
from surgical_perception.errors import InputError
from surgical_perception.ros import stamps
from surgical_perception.ros.transform_buffer import TransformBuffer
from surgical_perception.ros.validation import pose_from_transform

STATIC_TOPIC = 'tf_static'


class BagTransforms:
    """
    A transform buffer that is filled from a bag up to the moment of each lookup.

    A context manager.  Samples that the node would ignore are ignored, and counted in `ignored`.
    """

    def __init__(self, path, topics):
        self._reader = BagReader(path)
        self._topics = topics
        self._buffer = TransformBuffer()
        self.ignored = 0

    def __enter__(self):
        self._reader.__enter__()
        self._messages = self._reader.messages(self._topics) if self._topics else iter(())
        self._next = next(self._messages, None)
        return self

    def __exit__(self, *exception):
        self._reader.__exit__(*exception)

    def lookup(self, target, source, stamp_ns, bag_ns, timeout_s):
        """
        Return target_from_source [4, 4] (m) at a stamp, as of `bag_ns` or up to `timeout_s` later.

        Raises TransformError as the node's listener does.
        """
        self._fill_until(bag_ns)
        limit_ns = bag_ns + round(timeout_s * stamps.NS_PER_S)
        while self._comes_by(limit_ns) and not self._buffer.can_transform(
            target, source, stamp_ns
        ):
            self._take()
        return self._buffer.lookup(target, source, stamp_ns)

    def _fill_until(self, bag_ns):
        while self._comes_by(bag_ns):
            self._take()

    def _comes_by(self, bag_ns):
        return self._next is not None and self._next[1] <= bag_ns

    def _take(self):
        topic, _, message = self._next
        static = topic.endswith(STATIC_TOPIC)
        for item in message.transforms:
            try:
                kept = self._buffer.set_transform(
                    item.header.frame_id,
                    item.child_frame_id,
                    stamps.to_ns(item.header.stamp),
                    pose_from_transform(item.transform),
                    static,
                )
            except InputError:
                kept = False
            self.ignored += not kept
        self._next = next(self._messages, None)
