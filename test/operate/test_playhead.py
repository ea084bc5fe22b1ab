"""Bag time against the clock of a replay: rate, pause, step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgical_perception.ros.playhead import Playhead

S = 1_000_000_000


class Watch:
    """A steady clock that is set by hand."""

    def __init__(self):
        self.s = 100.0

    def __call__(self):
        return self.s


@pytest.mark.parametrize('rate', [0.25, 1.0, 4.0])
def test_time_runs_at_the_rate(rate):
    watch = Watch()
    head = Playhead(rate, now_s=watch)
    head.begin(10 * S)
    assert head.wait_s(12 * S) == pytest.approx(2 / rate)
    watch.s += 1 / rate
    assert head.position_ns == pytest.approx(11 * S, abs=10)
    assert head.wait_s(12 * S) == pytest.approx(1 / rate)
    watch.s += 3 / rate
    assert head.wait_s(12 * S) == pytest.approx(-2 / rate)


def test_a_pause_takes_no_bag_time():
    watch = Watch()
    head = Playhead(1.0, now_s=watch)
    head.begin(0)
    watch.s += 2
    head.toggle()
    watch.s += 1000
    assert head.paused
    assert head.wait_s(5 * S) is None
    assert head.position_ns == 2 * S
    head.toggle()
    watch.s += 1
    assert head.position_ns == 3 * S


def test_steps_end_where_the_next_message_that_counts_is_due():
    watch = Watch()
    head = Playhead(1.0, paused=True, now_s=watch)
    head.begin(0)
    head.step()
    assert head.may_play(False, 0)  # transforms do not count
    assert head.may_play(True, 1 * S)
    assert head.may_play(False, 2 * S)
    watch.s += 3
    assert not head.may_play(True, 3 * S)
    assert head.paused
    watch.s += 50
    head.step()
    assert head.wait_s(3 * S) == 0
    assert head.may_play(True, 3 * S)
    head.resume()
    assert head.may_play(True, 4 * S)
    assert head.may_play(True, 5 * S)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 10), st.sampled_from(['pause', 'resume', 'step', 'toggle', 'message'])
        ),
        max_size=40,
    ),
    st.sampled_from([0.5, 1.0, 3.0]),
)
def test_the_position_never_goes_back_nor_faster_than_the_rate(acts, rate):
    watch = Watch()
    head = Playhead(rate, now_s=watch)
    head.begin(0)
    due = 0
    for elapsed_s, act in acts:
        before = head.position_ns
        watch.s += elapsed_s
        if act == 'message':
            due = max(due, head.position_ns)
            head.may_play(True, due)
        else:
            getattr(head, act)()
        assert before <= head.position_ns <= before + elapsed_s * rate * S + 1e3
