"""The synchroniser: against brute force, exact counts, and a clock that jumps back."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from surgical_perception.ros.synchroniser import Synchroniser

MS = 1_000_000


class Model:
    """Brute force over all combinations of what waits, one message being (topic, stamp)."""

    def __init__(self, topics, tolerance):
        self.tolerance = tolerance
        self.waiting = {topic: [] for topic in topics}

    def add(self, topic, stamp):
        self.waiting[topic].append(stamp)
        own = {**self.waiting, topic: [stamp]}
        spreads = [max(c) - min(c) for c in product(*own.values())]
        best = min(spreads, default=None)
        return best if best is not None and best <= self.tolerance else None

    def take(self, stamps):
        for (topic, waiting), stamp in zip(self.waiting.items(), stamps, strict=True):
            self.waiting[topic] = [s for s in waiting if s > stamp]


@given(
    st.integers(2, 4),
    st.integers(0, 6),
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=60),
)
def test_sets_are_the_narrowest_and_nothing_is_missed(count, tolerance, events):
    topics = [f't{i}' for i in range(count)]
    model = Model(topics, tolerance)
    sync = Synchroniser(topics, tolerance, queue_size=1000)
    clocks = dict.fromkeys(topics, 0)
    last = None
    for number, gap in events:
        topic = topics[number % count]
        clocks[topic] += gap
        got = sync.add(topic, clocks[topic], (topic, clocks[topic]))
        best = model.add(topic, clocks[topic])
        if best is None:
            assert got is None
            continue
        assert [name for name, _ in got] == topics
        stamps = [stamp for _, stamp in got]
        assert max(stamps) - min(stamps) == best
        assert last is None or all(new > old for new, old in zip(stamps, last, strict=True))
        last = stamps
        model.take(stamps)


@given(
    st.integers(0, 3),
    st.integers(1, 5),
    st.lists(st.tuples(st.sampled_from('ab'), st.integers(0, 30)), max_size=80),
    st.booleans(),
)
def test_every_message_is_accounted_for(tolerance, queue_size, events, cleared):
    sync = Synchroniser('ab', tolerance, queue_size)
    received = dict.fromkeys('ab', 0)
    for topic, stamp in events:
        sync.add(topic, stamp, None)
        received[topic] += 1
        assert all(len(queue) <= queue_size for queue in sync._queues.values())
    if cleared:
        sync.clear()
    for topic in 'ab':
        waiting = 0 if cleared else len(sync._queues[topic])
        assert received[topic] == sync.matched + sync.dropped[topic] + waiting


def test_exact_stamps_do_not_accept_a_nanosecond():
    sync = Synchroniser(['image', 'camera_info'])
    assert sync.add('image', 5, 'I5') is None
    assert sync.add('camera_info', 6, 'C6') is None
    assert sync.newest_spread_ns() == 1
    assert sync.add('image', 6, 'I6') == ('I6', 'C6')
    assert sync.dropped == {'image': 1, 'camera_info': 0}


def test_the_tolerance_is_inclusive_and_spans_the_whole_set():
    sync = Synchroniser('abc', tolerance_ns=10)
    assert sync.add('a', 0, 'a') is None
    assert sync.add('b', 6, 'b') is None
    assert sync.add('c', 11, 'c') is None  # within 10 of b, not of a
    assert sync.add('a', 1, 'A') == ('A', 'b', 'c')
    assert sync.dropped == {'a': 1, 'b': 0, 'c': 0}


def test_a_full_queue_drops_its_oldest():
    sync = Synchroniser('ab', queue_size=3)
    for stamp in range(5):
        sync.add('a', stamp, stamp)
    assert sync.dropped['a'] == 2
    assert sync.add('b', 1, 'gone') is None
    assert sync.add('b', 2, 'there') == (2, 'there')


def test_a_bag_in_a_loop_loses_no_pair_but_those_in_flight():
    sync = Synchroniser(['left', 'right'])
    pairs, lag = 0, 2  # right arrives two messages late
    left = [(stamp * MS, loop) for loop in range(3) for stamp in range(1, 1001)]
    for index in range(len(left) + lag):
        if index < len(left):
            stamp, loop = left[index]
            pairs += sync.add('left', stamp, loop) is not None
        if index >= lag:
            stamp, loop = left[index - lag]
            got = sync.add('right', stamp, loop)
            pairs += got is not None
            assert got is None or got[0] == got[1]  # never across a jump
    assert sync.jumps == 4  # two loops end, seen on both topics
    assert pairs == sync.matched >= 3000 - 2 * (2 * lag + 1)


def test_clear_accepts_any_stamp_next():
    sync = Synchroniser('ab')
    sync.add('a', 100, None)
    sync.clear()
    assert sync.dropped['a'] == 1
    assert sync.newest_spread_ns() is None
    sync.add('a', 5, 'a')
    assert sync.add('b', 5, 'b') == ('a', 'b')
    assert sync.jumps == 0
