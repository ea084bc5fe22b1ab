"""
A transform buffer with tf2's rules, for machines where tf2 is not installed.

The rules (geometry2: buffer_core.cpp, cache.cpp, static_cache.cpp), in short: every frame has one
parent at a time; samples are kept for `cache_s` behind the newest one and interpolated, never
extrapolated; a static transform holds at all times and survives `clear`; stamp 0 asks for the
newest stamp that all transforms on the way have.  One rule differs: of two samples with the same
stamp the later one replaces the other, so that a repeated stamp cannot fill the memory.
"""

import threading

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.ros import stamps
from surgical_perception.ros.transform_errors import (
    ConnectivityError,
    ExtrapolationError,
    LookupTransformError,
    TransformError,
)
from surgical_perception.ros.transform_history import MovingTransform, StaticTransform

LATEST = 0


class TransformBuffer:
    """Keeps the transforms of the last `cache_s` seconds; safe to use from several threads."""

    def __init__(self, cache_s=10.0):
        self._cache_ns = int(cache_s * stamps.NS_PER_S)
        self._edges = {}  # child frame -> StaticTransform or MovingTransform
        self._frames = set()  # every frame ever named, parents too
        self._lock = threading.RLock()

    def set_transform(self, parent, child, stamp_ns, parent_from_child, static=False):
        """
        Add one sample; return False where it is older than the cache and was therefore ignored.

        `parent_from_child` [4, 4] (m).  One leading slash is stripped from the frame ids.  Raises
        InputError for an empty frame id, a frame that is its own parent, or a matrix that holds
        NaN or is not rigid.
        """
        parent, child = parent.removeprefix('/'), child.removeprefix('/')
        if not parent or not child:
            raise InputError(f'transform from {child!r} to {parent!r}: a frame id is empty')
        if parent == child:
            raise InputError(f'transform of frame {child!r} to itself: check the frame parameters')
        pose = se3.validated(parent_from_child, f'transform from {child!r} to {parent!r}')
        with self._lock:
            edge = self._edges.get(child)
            if edge is None or isinstance(edge, StaticTransform) != static:
                edge = self._edges[child] = (
                    StaticTransform() if static else MovingTransform(self._cache_ns)
                )
            self._frames |= {parent, child}
            return edge.insert(stamp_ns, (parent, pose))

    def lookup(self, target, source, stamp_ns):
        """
        Return target_from_source [4, 4] (m) at a stamp; stamp 0 is the latest common one.

        Raises LookupTransformError, ConnectivityError or ExtrapolationError.  As in tf2, a frame
        relative to itself is the identity whether the frame exists or not.
        """
        with self._lock:
            if target == source:
                return np.eye(4)
            self._require_frame('target', target)
            self._require_frame('source', source)
            if stamp_ns == LATEST:
                stamp_ns = self._latest_common_stamp(target, source)
            from_source, source_error = self._ancestors(source, stamp_ns, {target})
            from_target, target_error = self._ancestors(target, stamp_ns, from_source)
            common = next((frame for frame in from_target if frame in from_source), None)
            if common is not None:
                return se3.inverse(from_target[common]) @ from_source[common]
            if reason := target_error or source_error:
                raise ExtrapolationError(f'{reason}, looking up {_way(target, source)}')
            raise _not_connected(target, source)

    def can_transform(self, target, source, stamp_ns):
        """Return whether `lookup` would succeed."""
        try:
            self.lookup(target, source, stamp_ns)
        except TransformError:
            return False
        return True

    def clear(self):
        """Forget all moving transforms, as after a clock jump; static ones and names stay."""
        with self._lock:
            for edge in self._edges.values():
                edge.clear()

    def _require_frame(self, role, frame):
        if not frame:
            raise LookupTransformError(f'the {role} frame is empty: set its frame id')
        if frame.startswith('/'):
            raise LookupTransformError(f'the {role} frame {frame!r} may not start with a slash')
        if frame not in self._frames:
            raise LookupTransformError(
                f'the {role} frame {frame!r} does not exist: no transform names it so far'
            )

    def _ancestors(self, frame, stamp_ns, stop_at):
        """
        Walk from a frame towards the root until a frame of `stop_at`.

        Returns ({ancestor: ancestor_from_frame}, the ExtrapolationError that ended the walk early
        or None); the frame itself comes first.
        """
        chain = {frame: np.eye(4)}
        while frame in self._edges and frame not in stop_at:
            try:
                parent, parent_from_frame = self._edges[frame].at(stamp_ns)
            except ExtrapolationError as error:
                return chain, error
            _require_new(parent, chain)
            chain[parent] = parent_from_frame @ chain[frame]
            frame = parent
        return chain, None

    def _latest_common_stamp(self, target, source):
        """Return the newest stamp that all moving transforms of the way have; 0 if none moves."""
        source_stamps, target_stamps = self._latest_stamps(source), self._latest_stamps(target)
        common = next((frame for frame in target_stamps if frame in source_stamps), None)
        if common is None:
            raise _not_connected(target, source)
        return min(filter(None, source_stamps[common] + target_stamps[common]), default=LATEST)

    def _latest_stamps(self, frame):
        """Walk up by the newest parents; return {ancestor: latest stamps on the way to it}."""
        chain = {frame: []}
        while frame in self._edges and (latest := self._edges[frame].latest()):
            stamp_ns, parent = latest
            _require_new(parent, chain)
            chain[parent] = [*chain[frame], stamp_ns]
            frame = parent
        return chain


def _require_new(frame, chain):
    if frame in chain:
        loop = ' -> '.join([*chain, frame])
        raise LookupTransformError(f'the transform tree contains a loop: {loop}')


def _way(target, source):
    return f'the transform from frame {source!r} to frame {target!r}'


def _not_connected(target, source):
    return ConnectivityError(
        f'{_way(target, source)} is not known: the frames are not part of the same tree'
    )
