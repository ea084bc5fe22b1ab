"""The transform buffer against tf2's rules; oracle: scipy's Rotation and Slerp."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.ros.transform_buffer import TransformBuffer
from surgical_perception.ros.transform_errors import (
    ConnectivityError,
    ExtrapolationError,
    LookupTransformError,
    TransformError,
)

S = 1_000_000_000
LATEST = 0

twists = st.lists(st.floats(-3.0, 3.0), min_size=6, max_size=6)
poses = twists.map(lambda xi: se3.exp(np.array(xi)))


def shift(x, y=0.0, z=0.0):
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    return pose


def near(a, b):
    np.testing.assert_allclose(a, b, atol=1e-9)


def moving(buffer, parent, child, *samples):
    for stamp_ns, pose in samples:
        assert buffer.set_transform(parent, child, stamp_ns, pose)


class Oracle:
    """A tree of sampled motions, evaluated by scipy alone."""

    def __init__(self, stamps_ns, edges):
        # From the first stamp on: as float seconds, stamps would be rounded by more than the gaps.
        self.begin_ns = stamps_ns[0]
        self.ticks = [ns - stamps_ns[0] for ns in stamps_ns]
        self.edges = edges

    def lookup(self, target, source, stamp_ns):
        """Frame k + 1 hangs on `parent` of edge k; frame 0 is the root."""
        root_from = [np.eye(4)]
        for parent, samples in self.edges:
            root_from.append(root_from[parent] @ self.pose(samples, stamp_ns - self.begin_ns))
        return np.linalg.inv(root_from[target]) @ root_from[source]

    def pose(self, samples, tick):
        rotations = Slerp(self.ticks, Rotation.from_matrix([pose[:3, :3] for pose in samples]))
        out = np.eye(4)
        out[:3, :3] = rotations(tick).as_matrix()
        out[:3, 3] = [
            np.interp(tick, self.ticks, [pose[axis, 3] for pose in samples]) for axis in range(3)
        ]
        return out


@st.composite
def trees(draw):
    """Draw (stamps, [(parent, samples), ...]), edge k being that of frame k + 1."""
    gaps = draw(st.lists(st.integers(1, S), min_size=2, max_size=4))
    stamps_ns = [int(ns) for ns in 100 * S + np.cumsum(gaps)]
    samples = st.lists(poses, min_size=len(stamps_ns), max_size=len(stamps_ns))
    count = draw(st.integers(1, 5))
    return stamps_ns, [(draw(st.integers(0, child)), draw(samples)) for child in range(count)]


@given(trees(), st.data())
def test_trees_agree_with_scipy(tree, data):
    stamps_ns, edges = tree
    buffer = TransformBuffer()
    for index, (parent, samples) in enumerate(edges):
        for place in data.draw(st.permutations(range(len(stamps_ns)))):  # in any order
            moving(buffer, f'f{parent}', f'f{index + 1}', (stamps_ns[place], samples[place]))
    frames = st.integers(0, len(edges))
    target, source, middle = (data.draw(frames) for _ in range(3))
    stamp_ns = data.draw(st.integers(stamps_ns[0], stamps_ns[-1]))

    def lookup(to, of):
        return buffer.lookup(f'f{to}', f'f{of}', stamp_ns)

    got = lookup(target, source)
    near(got, Oracle(stamps_ns, edges).lookup(target, source, stamp_ns))
    near(lookup(source, target) @ got, np.eye(4))
    near(lookup(target, middle) @ lookup(middle, source), got)


def test_branches_meet_at_their_common_ancestor():
    buffer = TransformBuffer()
    buffer.set_transform('world', 'table', 0, shift(1.0), static=True)
    moving(buffer, 'table', 'patient', (5 * S, shift(0, 2.0)))
    moving(buffer, 'world', 'carm', (5 * S, shift(0, 0, 3.0)))
    near(buffer.lookup('patient', 'carm', 5 * S), shift(-1.0, -2.0, 3.0))


def test_interpolation_is_linear_and_turns_at_a_constant_rate():
    turn = se3.from_rotation_translation(
        Rotation.from_rotvec([0, 0, np.pi / 2]).as_matrix(), [4.0, 0.0, 0.0]
    )
    buffer = TransformBuffer()
    moving(buffer, 'a', 'b', (1 * S, np.eye(4)), (2 * S, turn))
    quarter = buffer.lookup('a', 'b', 1 * S + S // 4)
    np.testing.assert_allclose(quarter[:3, 3], [1.0, 0, 0], atol=1e-12)
    assert np.isclose(np.arctan2(quarter[1, 0], quarter[0, 0]), np.pi / 8)


def test_nothing_is_extrapolated():
    buffer = TransformBuffer()
    moving(buffer, 'a', 'b', (1 * S, np.eye(4)))
    with pytest.raises(ExtrapolationError, match=r'only 1\.000000000 s is there'):
        buffer.lookup('a', 'b', 2 * S)
    near(buffer.lookup('a', 'b', 1 * S), np.eye(4))
    moving(buffer, 'a', 'b', (2 * S, shift(1.0)))
    with pytest.raises(ExtrapolationError, match=r'future.*2\.000000001.*latest.*2\.000000000'):
        buffer.lookup('a', 'b', 2 * S + 1)
    with pytest.raises(ExtrapolationError, match=r"past.*earliest data is at 1\.0.*'b' to.*'a'"):
        buffer.lookup('a', 'b', 1 * S - 1)
    near(buffer.lookup('a', 'b', 2 * S), shift(1.0))
    assert buffer.can_transform('a', 'b', 2 * S)
    assert not buffer.can_transform('a', 'b', 2 * S + 1)


def test_missing_data_above_the_common_ancestor_does_not_matter():
    buffer = TransformBuffer()
    moving(buffer, 'world', 'base', (1 * S, np.eye(4)))
    for child, x in (('left', 1.0), ('right', 2.0)):
        buffer.set_transform('base', child, 0, shift(x), static=True)
    near(buffer.lookup('left', 'right', 50 * S), shift(1.0))
    with pytest.raises(ExtrapolationError):
        buffer.lookup('world', 'right', 50 * S)


def test_unknown_and_unconnected_frames_are_told_apart():
    buffer = TransformBuffer()
    moving(buffer, 'a', 'b', (S, np.eye(4)))
    moving(buffer, 'c', 'd', (S, np.eye(4)))
    for stamp_ns in (S, LATEST):
        with pytest.raises(LookupTransformError, match="source frame 'x' does not exist"):
            buffer.lookup('a', 'x', stamp_ns)
        with pytest.raises(ConnectivityError, match='not part of the same tree'):
            buffer.lookup('a', 'd', stamp_ns)
    for error in (LookupTransformError, ConnectivityError, ExtrapolationError):
        assert issubclass(error, TransformError) and issubclass(error, InputError)


def test_frame_ids_as_in_tf2():
    buffer = TransformBuffer()
    moving(buffer, '/a', '/b', (S, shift(1.0)))  # stripped on the way in
    near(buffer.lookup('a', 'b', S), shift(1.0))
    with pytest.raises(LookupTransformError, match='slash'):  # refused on the way out
        buffer.lookup('/a', 'b', S)
    with pytest.raises(LookupTransformError, match='empty'):
        buffer.lookup('a', '', S)
    near(buffer.lookup('nowhere', 'nowhere', S), np.eye(4))


@pytest.mark.parametrize(
    ('parent', 'child', 'pose', 'reason'),
    [
        ('a', 'a', np.eye(4), 'itself'),
        ('a', '/a', np.eye(4), 'itself'),
        ('', 'b', np.eye(4), 'empty'),
        ('a', '/', np.eye(4), 'empty'),
        ('a', 'b', shift(np.nan), 'NaN'),
        ('a', 'b', shift(np.inf), 'NaN or infinity'),
        ('a', 'b', np.diag([2.0, 2, 2, 1]), 'not rigid'),
        ('a', 'b', np.diag([-1.0, 1, 1, 1]), 'mirrored'),
    ],
)
def test_unusable_transforms_are_refused(parent, child, pose, reason):
    buffer = TransformBuffer()
    with pytest.raises(InputError, match=reason):
        buffer.set_transform(parent, child, S, pose)
    assert not buffer.can_transform('a', 'b', LATEST)


def test_static_transforms_hold_at_all_times_and_survive_a_clear():
    buffer = TransformBuffer()
    buffer.set_transform('ct', 'ct_ras', 7 * S, shift(1.0), static=True)
    for stamp_ns in (LATEST, 1, 10**6 * S):
        near(buffer.lookup('ct', 'ct_ras', stamp_ns), shift(1.0))
    buffer.clear()
    near(buffer.lookup('ct', 'ct_ras', S), shift(1.0))
    buffer.set_transform('ct', 'ct_ras', 0, shift(2.0), static=True)
    near(buffer.lookup('ct', 'ct_ras', S), shift(2.0))


def test_clear_forgets_moving_transforms_and_accepts_older_stamps():
    buffer = TransformBuffer()
    moving(buffer, 'a', 'b', (100 * S, shift(1.0)))
    buffer.clear()
    with pytest.raises(ExtrapolationError):
        buffer.lookup('a', 'b', 100 * S)
    with pytest.raises(ConnectivityError):
        buffer.lookup('a', 'b', LATEST)
    moving(buffer, 'a', 'b', (1 * S, shift(2.0)))
    near(buffer.lookup('a', 'b', LATEST), shift(2.0))


def test_latest_is_the_newest_stamp_that_all_moving_transforms_have():
    buffer = TransformBuffer()
    moving(buffer, 'a', 'b', (1 * S, shift(1.0)), (3 * S, shift(3.0)))
    moving(buffer, 'b', 'c', (1 * S, shift(0, 1.0)), (2 * S, shift(0, 2.0)))
    buffer.set_transform('c', 'd', 0, shift(0, 0, 1.0), static=True)
    near(buffer.lookup('a', 'd', LATEST), shift(2.0, 2.0, 1.0))  # at 2 s
    near(buffer.lookup('a', 'b', LATEST), shift(3.0))


def test_cache_holds_ten_seconds_behind_the_newest():
    buffer = TransformBuffer(cache_s=10.0)
    moving(buffer, 'a', 'b', *((second * S, shift(second)) for second in range(1, 31)))
    near(buffer.lookup('a', 'b', 20 * S), shift(20.0))
    with pytest.raises(ExtrapolationError, match='past'):
        buffer.lookup('a', 'b', 18 * S)
    assert not buffer.set_transform('a', 'b', 20 * S - 1, shift(0.0))  # older than the cache
    assert buffer.set_transform('a', 'b', 20 * S, shift(0.0))
    near(buffer.lookup('a', 'b', 20 * S), shift(0.0))


def test_a_publisher_slower_than_the_cache_still_interpolates():
    buffer = TransformBuffer(cache_s=10.0)
    moving(buffer, 'a', 'b', (100 * S, shift(0.0)), (120 * S, shift(2.0)), (140 * S, shift(4.0)))
    near(buffer.lookup('a', 'b', 130 * S), shift(3.0))


def test_repeated_stamps_do_not_fill_the_memory():
    buffer = TransformBuffer()
    moving(buffer, 'a', 'b', *((S, shift(x)) for x in range(100)))
    near(buffer.lookup('a', 'b', S), shift(99.0))
    assert len(buffer._edges['b']._stamps) == 1


def test_a_frame_may_change_its_parent():
    buffer = TransformBuffer()
    buffer.set_transform('world', 'stand', 0, shift(10.0), static=True)
    moving(buffer, 'world', 'tool', (1 * S, shift(1.0)))
    moving(buffer, 'stand', 'tool', (3 * S, shift(0, 1.0)))
    near(buffer.lookup('world', 'tool', 1 * S), shift(1.0))
    near(buffer.lookup('world', 'tool', 2 * S), shift(1.0))  # held, not blended
    near(buffer.lookup('world', 'tool', 3 * S), shift(10.0, 1.0))
    near(buffer.lookup('world', 'tool', LATEST), shift(10.0, 1.0))


def test_a_transform_may_become_static_and_moving_again():
    buffer = TransformBuffer()
    moving(buffer, 'a', 'b', (1 * S, shift(1.0)))
    buffer.set_transform('a', 'b', 0, shift(2.0), static=True)
    near(buffer.lookup('a', 'b', 99 * S), shift(2.0))
    moving(buffer, 'a', 'b', (2 * S, shift(3.0)))
    assert not buffer.can_transform('a', 'b', 99 * S)


@pytest.mark.parametrize('static', [True, False])
@pytest.mark.parametrize('stamp_ns', [S, LATEST])
def test_a_loop_is_reported(static, stamp_ns):
    buffer = TransformBuffer()
    for parent, child in (('a', 'b'), ('b', 'c'), ('c', 'a'), ('x', 'y')):
        buffer.set_transform(parent, child, S, np.eye(4), static)
    with pytest.raises(LookupTransformError, match='loop'):
        buffer.lookup('y', 'b', stamp_ns)


def test_a_result_is_no_window_into_the_buffer():
    buffer = TransformBuffer()
    pose = shift(1.0)
    buffer.set_transform('a', 'b', 0, pose, static=True)
    pose[0, 3] = 5.0
    buffer.lookup('a', 'b', S)[0, 3] = 7.0
    near(buffer.lookup('a', 'b', S), shift(1.0))


def test_reading_while_writing():
    buffer = TransformBuffer(cache_s=0.05)
    moving(buffer, 'a', 'b', (S, shift(1.0)))
    stop, wrong = threading.Event(), []

    def read():
        try:
            while not stop.is_set():
                pose = buffer.lookup('a', 'b', LATEST)
                np.testing.assert_allclose(pose[0, 3], pose[1, 3] + 1.0)
        except Exception as error:
            wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for i in range(2000):
        moving(buffer, 'a', 'b', (S + i * 1_000_000, shift(1.0 + i, i)))
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong
