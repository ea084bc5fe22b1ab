"""More images than can be computed: the newest one is next, and every other one is counted."""

import time

from node_harness import NODE, FakePipeline, held_pipeline, running
from ros_harness import values
from std_srvs.srv import Trigger

from surgical_perception.ros import stamps

STAMP_NS = 1_700_000_000_000_000_000
COMPUTE_S = 0.04


class SlowPipeline(FakePipeline):
    """Computes for a set time; notes how long each image had waited."""

    def register(self, views, start=None, cancelled=None):
        time.sleep(COMPUTE_S)
        return super().register(views, start, cancelled)


def counted(h):
    """Return (images that arrived, jobs dropped) as the newest diagnostics say."""
    parts = {s.name.split(': ')[1]: values(s) for s in h.peer.diagnostics[-1].status}
    return int(parts['input']['/image_rect']), int(parts['compute']['dropped'])


def test_at_twice_the_capacity_every_image_is_a_result_or_counted():
    with running(SlowPipeline()) as h:
        sent, images = 0, h.node.inputs.topics[0]
        began = time.monotonic()
        while time.monotonic() < began + 2.0:
            h.peer.shoot(STAMP_NS + sent)
            sent += 1
            due = began + sent * COMPUTE_S / 2
            h.wait(lambda due=due: time.monotonic() >= due)
        h.wait(lambda: images.count == sent and not h.node.worker.busy)
        h.peer.diagnostics.clear()
        h.wait(lambda: h.peer.diagnostics)
        arrived, dropped = counted(h)
        h.wait(lambda: len(h.peer.statuses) == arrived - dropped)
        assert arrived == sent and dropped > 0
        done = [stamps.from_text(values(s)['image_stamp']) for s in h.peer.statuses]
        assert done == sorted(done) and done[-1] == STAMP_NS + sent - 1
        # Nothing is left behind: what comes now is computed, image by image.
        for extra in range(3):
            h.peer.shoot(STAMP_NS + sent + extra)
            h.wait(lambda n=extra: len(h.peer.statuses) == arrived - dropped + n + 1)
        assert h.node.worker.dropped == dropped


def test_one_image_waits_at_most():
    pipeline = held_pipeline()
    with running(pipeline) as h:
        for n in range(20):
            h.peer.shoot(STAMP_NS + n)
            h.wait(lambda n=n: h.node.inputs.topics[0].count == n + 1 and pipeline.calls)
        pipeline.hold.set()
        h.wait(lambda: len(h.peer.statuses) == 2)
        done = [values(s)['image_stamp'] for s in h.peer.statuses]
        assert done == [stamps.text(STAMP_NS), stamps.text(STAMP_NS + 19)]
        assert h.node.worker.dropped == 18


def test_what_a_reset_discards_is_counted_too():
    pipeline = held_pipeline()
    with running(pipeline) as h:
        for n in range(3):
            h.peer.shoot(STAMP_NS + n)
            h.wait(lambda n=n: h.node.inputs.topics[0].count == n + 1 and pipeline.calls)
        assert h.call(Trigger, f'{NODE}/reset').success
        assert h.node.worker.dropped == 3  # one replaced, one that waited, one that was computed
        pipeline.hold.set()
        h.peer.shoot(STAMP_NS + 3)
        h.wait(lambda: h.peer.statuses)
        assert values(h.peer.statuses[0])['image_stamp'] == stamps.text(STAMP_NS + 3)
