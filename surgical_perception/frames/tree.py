"""Which frame hangs on which, by whom and how often: what TF said, and what is wrong with it."""

from dataclasses import dataclass, field

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.ros import stamps
from surgical_perception.ros.validation import pose_from_transform

STATIC_TOPIC = 'tf_static'


@dataclass
class Edge:
    """A frame in its parent: the last transform, and the times of all."""

    parent: str
    child: str
    static: bool
    pose: np.ndarray  # parent_from_child [4, 4] (m)
    count: int = 0
    first_ns: int = 0
    last_ns: int = 0

    @property
    def distance_m(self):
        """Distance between the two origins."""
        return float(np.linalg.norm(self.pose[:3, 3]))

    @property
    def rate_hz(self):
        """Transforms a second; 0 where there are too few to tell."""
        seconds = (self.last_ns - self.first_ns) / stamps.NS_PER_S
        return (self.count - 1) / seconds if self.count > 1 and seconds > 0 else 0.0

    @property
    def text(self):
        """Say in a few words what the transform is."""
        if self.static:
            return f'static, {_length(self.distance_m)}'
        rate = f'{self.rate_hz:.3g} Hz' if self.rate_hz else f'{self.count} in all'
        return f'moving, {rate}, {_length(self.distance_m)}'


@dataclass
class FrameTree:
    """Frames, filled by `add`; the edges are {child: Edge}."""

    edges: dict = field(default_factory=dict)
    _parents: dict = field(default_factory=dict)  # child -> all parents that it ever had
    _refused: dict = field(default_factory=dict)  # reason -> how often
    _slashes: set = field(default_factory=set)

    def add(self, message, static):
        """Take a tf2_msgs/TFMessage."""
        for item in message.transforms:
            parent, child = item.header.frame_id, item.child_frame_id
            try:
                self._insert(parent, child, item, static)
            except InputError as error:
                reason = f'transform from {child!r} to {parent!r}: {error}'
                self._refused[reason] = self._refused.get(reason, 0) + 1

    def _insert(self, parent, child, item, static):
        self._slashes |= {frame for frame in (parent, child) if frame.startswith('/')}
        parent, child = parent.removeprefix('/'), child.removeprefix('/')
        if not parent or not child:
            raise InputError('a frame id is empty')
        if parent == child:
            raise InputError('a frame cannot be its own parent')
        pose, stamp_ns = pose_from_transform(item.transform), stamps.to_ns(item.header.stamp)
        self._parents.setdefault(child, set()).add(parent)
        edge = self.edges.setdefault(child, Edge(parent, child, static, pose, 0, stamp_ns))
        edge.parent, edge.pose, edge.static = parent, pose, static
        edge.count += 1
        edge.first_ns = min(edge.first_ns, stamp_ns)
        edge.last_ns = max(edge.last_ns, stamp_ns)

    @property
    def frames(self):
        """Names of all frames."""
        return sorted(set(self.edges) | {edge.parent for edge in self.edges.values()})

    @property
    def roots(self):
        """Frames that hang on no other, in the order of the alphabet."""
        return [frame for frame in self.frames if frame not in self.edges]

    def children(self, frame):
        """Names of the frames that hang on a frame."""
        return sorted(child for child, edge in self.edges.items() if edge.parent == frame)

    def root_of(self, frame):
        """Return the root of a frame's tree; the frame itself where it hangs on none."""
        seen = {frame}
        while frame in self.edges and self.edges[frame].parent not in seen:
            frame = self.edges[frame].parent
            seen.add(frame)
        return frame

    def problems(self):
        """Return what is wrong, one sentence each, with what to do."""
        found = [
            f'{reason} ({count} times): such transforms are ignored'
            for reason, count in self._refused.items()
        ]
        found += [
            f'frame {child!r} hangs on {" and on ".join(map(repr, sorted(parents)))}: two '
            'publishers fight over it, end one of them'
            for child, parents in sorted(self._parents.items())
            if len(parents) > 1
        ]
        if self._slashes:
            found.append(
                f'frame ids with a leading slash ({", ".join(sorted(self._slashes))}): publish '
                'them without'
            )
        if loop := self._loop():
            found.append(
                f'the frames form a loop ({" -> ".join(loop)}): nothing in it can be looked up'
            )
        if len(self.roots) > 1:
            found.append(
                f'{len(self.roots)} trees that nothing connects (roots {", ".join(self.roots)}): '
                'between them nothing can be looked up'
            )
        return found

    def text(self):
        """Return the trees as lines, a frame each."""
        lines = []
        for root in [*self.roots, *self._loop()[:1]]:
            lines.append(root)
            lines += self._branches(root, '', {root})
        return '\n'.join(lines)

    def _branches(self, frame, indent, above):
        lines, children = [], [c for c in self.children(frame) if c not in above]
        for child in children:
            last = child == children[-1]
            lines.append(f'{indent}{"└─" if last else "├─"} {child}  ({self.edges[child].text})')
            lines += self._branches(child, indent + ('   ' if last else '│  '), above | {child})
        return lines

    def _loop(self):
        """Return the frames of a loop, the first one again at the end; [] where there is none."""
        for start in sorted(self.edges):
            way = [start]
            while way[-1] in self.edges:
                way.append(self.edges[way[-1]].parent)
                if way[-1] == start:
                    return way
                if way[-1] in way[:-1]:
                    break
        return []


def tree_of_bag(bag):
    """Return the FrameTree of the TF topics of an open BagReader."""
    tree = FrameTree()
    topics = [n for n, topic in bag.topics.items() if topic.type == 'tf2_msgs/msg/TFMessage']
    for name, _, message in bag.messages(topics) if topics else ():
        tree.add(message, static=name.endswith(STATIC_TOPIC))
    return tree


def _length(metres):
    return f'{metres:.2f} m' if metres >= 1 else f'{1e3 * metres:.3g} mm'
