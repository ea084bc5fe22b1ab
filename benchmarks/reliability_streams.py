"""What reliability.py measures on streams of X-rays to the node over DDS."""

import time

from hostile_messages import shots
from hypothesis import given, settings
from node_harness import FakePipeline, running
from ros_harness import values
from test_hostile_node import answered

from surgical_perception.ros import stamps

STAMP_NS = 1_700_000_000_000_000_000
COMPUTE_S = 0.05
OVERLOAD_S = 10.0
AFTER_S = 4.0


def answers(count, say):
    """Return, for each of `count` hostile X-rays, whether a pose came and after how long."""
    rows = []
    with running() as h:

        @settings(max_examples=count, deadline=None, derandomize=True, database=None)
        @given(shots())
        def send(messages):
            began_s = time.monotonic()
            _, has_pose = answered(h, *messages)
            rows.append({'has_pose': has_pose, 'seconds': time.monotonic() - began_s})
            say(f'hostile X-ray {len(rows)} of {count}')

        send()
    return rows


class _SlowPipeline(FakePipeline):
    def register(self, views, start=None, cancelled=None):
        time.sleep(COMPUTE_S)
        return super().register(views, start, cancelled)


def overload(say):
    """
    Return what became of images at twice the capacity, and of those that came afterwards.

    The capacity is that of the pipeline alone.  Afterwards they come at nine tenths of the rate
    that was reached: what a busy machine can do is less.
    """
    with running(_SlowPipeline()) as h:
        sent = 0

        def send(seconds, period_s):
            nonlocal sent
            began_s, first = time.monotonic(), sent
            while time.monotonic() < began_s + seconds:
                h.peer.shoot(STAMP_NS + sent)
                sent += 1
                due_s = began_s + (sent - first) * period_s
                h.wait(lambda due_s=due_s: time.monotonic() >= due_s)

        say('overload')
        send(OVERLOAD_S, COMPUTE_S / 2)
        sent_before, done_before = sent, len(h.peer.statuses)
        ended_s = time.monotonic()
        h.peer.shoot(STAMP_NS + sent)
        sent += 1
        newest = stamps.text(STAMP_NS + sent - 1)
        h.wait(lambda: values(h.peer.statuses[-1])['image_stamp'] == newest)
        recovery_s = time.monotonic() - ended_s
        dropped_before = h.node.worker.dropped
        say('after the overload')
        send(AFTER_S, OVERLOAD_S / done_before / 0.9)
        h.wait(lambda: not h.node.worker.busy)
        arrived = h.node.inputs.topics[0].count
        dropped = h.node.worker.dropped
        h.wait(lambda: len(h.peer.statuses) >= arrived - dropped)
        return {
            'sent': sent_before,
            'registered': done_before,
            'recovery_s': recovery_s,
            'after_sent': sent - sent_before,
            'after_dropped': dropped - dropped_before,
            'arrived': arrived,
            'all_registered': len(h.peer.statuses),
            'dropped': dropped,
        }
