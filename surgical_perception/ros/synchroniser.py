"""
Sets of messages whose stamps belong together, one per topic.

message_filters in Python stalls after a clock that jumped back (a bag in a loop); this does not.
"""

from collections import deque


class Synchroniser:
    """
    Collects one message per topic with equal stamps, or stamps within `tolerance_ns`.

    A set is given out as soon as it is complete, so the tolerance should stay below half the
    period of the fastest topic.  Per topic, messages leave in the order of their stamps, each at
    most once.  Whatever is passed over, pushed out of a full queue (`queue_size` per topic) or
    cleared counts in `dropped`.  Not thread-safe: for the one thread that spins the node.
    """

    def __init__(self, topics, tolerance_ns=0, queue_size=10):
        self.topics = tuple(topics)
        self.tolerance_ns = tolerance_ns
        self.queue_size = queue_size
        self.matched = 0
        self.jumps = 0
        self.dropped = dict.fromkeys(self.topics, 0)
        self._queues = {topic: deque() for topic in self.topics}  # (stamp_ns, message)
        self._newest = dict.fromkeys(self.topics)

    def add(self, topic, stamp_ns, message):
        """
        Take one message; return the set it completes (messages in the order of `topics`) or None.

        A stamp older than the last one of its topic means that time jumped back: all that waits is
        from before the jump and is dropped.
        """
        newest = self._newest[topic]
        if newest is not None and stamp_ns < newest:
            self.jumps += 1
            self.clear()
        self._newest[topic] = stamp_ns
        queue = self._queues[topic]
        queue.append((stamp_ns, message))
        chosen = self._closest_set(topic, stamp_ns)
        if chosen is not None:
            self.matched += 1
            return tuple(self._take(*choice) for choice in zip(self.topics, chosen, strict=True))
        if len(queue) > self.queue_size:
            self._drop_first(topic)
        return None

    def clear(self):
        """Drop all that waits and accept any stamp next, as after a clock jump or a reset."""
        for topic, queue in self._queues.items():
            while queue:
                self._drop_first(topic)
            self._newest[topic] = None

    def newest_spread_ns(self):
        """
        Return how far apart the newest stamps of the topics lie; None before all have sent.

        For people who ask why nothing comes out: it says which tolerance would be needed.
        """
        newest = self._newest.values()
        return None if None in newest else max(newest) - min(newest)

    def _closest_set(self, topic, stamp_ns):
        """Return the stamps, one per topic, of the narrowest set with the new message, or None."""
        earliest_ns = stamp_ns - self.tolerance_ns
        begins = {
            stamp
            for queue in self._queues.values()
            for stamp, _ in queue
            if earliest_ns <= stamp <= stamp_ns
        }
        best, best_spread_ns = None, self.tolerance_ns
        for begin in sorted(begins):
            stamps = [
                stamp_ns if name == topic else _first_from(queue, begin)
                for name, queue in self._queues.items()
            ]
            if None not in stamps and max(stamps) - begin <= best_spread_ns:
                best, best_spread_ns = stamps, max(stamps) - begin
        return best

    def _take(self, topic, stamp_ns):
        """Remove and return the message of a stamp; older ones can never match again: dropped."""
        queue = self._queues[topic]
        while queue[0][0] < stamp_ns:
            self._drop_first(topic)
        return queue.popleft()[1]

    def _drop_first(self, topic):
        self._queues[topic].popleft()
        self.dropped[topic] += 1


def _first_from(queue, begin):
    """Return the first stamp of a queue that is not older than `begin`, or None."""
    return next((stamp for stamp, _ in queue if stamp >= begin), None)
