"""Reordered, doubled and lost messages: no false pair, nothing used twice, every loss counted."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surgical_perception.ros import stamps
from surgical_perception.ros.camera_pairing import ShotPairing

MS = 1_000_000
VIEWS = ('frontal', 'lateral')


def message(stamp_ns):
    stamp = SimpleNamespace(sec=0, nanosec=0)
    return SimpleNamespace(header=SimpleNamespace(stamp=stamps.fill(stamp, stamp_ns)))


@st.composite
def streams(draw, topics):
    """Draw (topic, stamp) of a periodic stream that a bad network or a bag in a loop delivers."""
    sent = [(topic, n * 100 * MS + 1) for n in range(draw(st.integers(1, 6))) for topic in topics]
    sent = [item for item in sent if draw(st.integers(0, 9))]  # one in ten is lost
    sent *= draw(st.integers(1, 3))  # a bag that is played again
    for _ in range(draw(st.integers(0, 4)) if sent else 0):
        place, other = (draw(st.integers(0, len(sent) - 1)) for _ in range(2))
        if draw(st.booleans()):
            sent.insert(other, sent[place])  # doubled
        else:
            sent[place], sent[other] = sent[other], sent[place]  # late
    return sent


def deliver(stream, views, mode, tolerance_s=0.0):
    """Return (shots, pairing, messages by topic) after a stream of ((view, kind), stamp)."""
    shots, given_to = [], {}
    pairing = ShotPairing(views, mode, tolerance_s, lambda *shot: shots.append(shot))
    for (view, kind), stamp_ns in stream:
        made = message(stamp_ns)
        given_to.setdefault((view, kind), []).append(made)
        camera = pairing.cameras[views.index(view)]
        (camera.add_image if kind == 'image' else camera.add_info)(made)
    pairing.clear()
    return shots, pairing, given_to


ONE_CAMERA = [('carm', 'image'), ('carm', 'info')]
TWO_CAMERAS = [(view, kind) for view in VIEWS for kind in ('image', 'info')]


@settings(max_examples=300)
@given(streams(ONE_CAMERA))
def test_one_camera_with_exact_stamps(stream):
    shots, pairing, _ = deliver(stream, ('carm',), 'exact')
    for (image,), (info,) in shots:
        assert image.header.stamp == info.header.stamp
    used = [id(part) for images, infos in shots for part in (*images, *infos)]
    assert len(set(used)) == len(used)
    assert len(stream) == len(used) + pairing.dropped


@settings(max_examples=200)
@given(streams(ONE_CAMERA))
def test_one_camera_with_the_latest_camera_info(stream):
    shots, pairing, given_to = deliver(stream, ('carm',), 'latest')
    images = given_to.get(('carm', 'image'), [])
    used = [id(image) for (image,), _ in shots]
    assert len(set(used)) == len(used)
    assert len(images) == len(used) + pairing.dropped


@settings(max_examples=300)
@given(streams(TWO_CAMERAS), st.sampled_from([0, 30]))
def test_two_cameras_are_never_paired_across_a_gap(stream, jitter_ms):
    late = [
        ((view, kind), stamp + jitter_ms * MS * (view == 'lateral'))
        for (view, kind), stamp in stream
    ]
    shots, pairing, _ = deliver(late, VIEWS, 'exact', tolerance_s=jitter_ms / 1000)
    for images, infos in shots:
        for image, info in zip(images, infos, strict=True):
            assert image.header.stamp == info.header.stamp
        begin, end = (stamps.to_ns(image.header.stamp) for image in images)
        assert end - begin == jitter_ms * MS
    messages_lost = sum(camera.dropped for camera in pairing.cameras)
    pairs_lost = pairing.dropped - messages_lost
    assert len(stream) == 4 * len(shots) + 2 * pairs_lost + messages_lost


@pytest.mark.parametrize('mode', ['exact', 'latest'])
def test_a_stream_in_order_is_used_whole(mode):
    stream = [(topic, n * MS + 1) for n in range(50) for topic in reversed(ONE_CAMERA)]
    shots, pairing, _ = deliver(stream, ('carm',), mode)
    assert len(shots) == 50 and pairing.dropped == 0
