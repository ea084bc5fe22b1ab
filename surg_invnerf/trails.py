"""The last seconds of every point as coloured lines."""

from collections import deque
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from geometry_msgs.msg import Point
from rclpy.duration import Duration
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from surg_invnerf.track_overlay import colours_of
from surgical_perception.geometry import se3
from surgical_perception.ros.stamps import NS_PER_S, fill

# A trail of so many pieces bends smoothly, and its message is built in milliseconds.
_KNOTS = 10
_LINE_WIDTH_M = 4e-4


@dataclass
class _Knot:
    """Where points were at a stamp, and the messages' objects of the lines that lead there."""

    stamp_ns: int
    ids: np.ndarray
    positions: np.ndarray
    points: list = field(default_factory=list)
    colours: list = field(default_factory=list)


class Trails:
    """Collects positions, a few per trail, in the world where there is one, else in the camera."""

    def __init__(self):
        self._knots = deque()
        self._frame = None

    def clear(self):
        """Forget all, as after a reset."""
        self._knots.clear()

    def add(self, stamp_ns, frame, frame_from_camera, result, trail_s):
        """Take a result; return a MarkerArray where it is time for the next one, else None."""
        if frame != self._frame:
            self.clear()
            self._frame = frame
        trail_ns = int(trail_s * NS_PER_S)
        if self._knots and stamp_ns - self._knots[-1].stamp_ns < trail_ns // _KNOTS:
            return None
        seen = result.visible
        positions = se3.apply(frame_from_camera, result.xyz_m[seen].astype(float))
        knot = _Knot(stamp_ns, result.ids[seen], positions)
        if self._knots:
            _draw_lines(self._knots[-1], knot)
        self._knots.append(knot)
        while stamp_ns - self._knots[0].stamp_ns > trail_ns:
            self._knots.popleft()
        return self._message(trail_s)

    def _message(self, trail_s):
        marker = Marker(ns='trails', type=Marker.LINE_LIST, action=Marker.ADD)
        marker.header.frame_id = self._frame
        fill(marker.header.stamp, self._knots[-1].stamp_ns)
        marker.pose.orientation.w = 1.0
        marker.scale.x = _LINE_WIDTH_M
        # Where nothing more comes, as when tracking is lost, the lines go by themselves.
        marker.lifetime = Duration(seconds=trail_s).to_msg()
        # The lines that lead to the oldest knot come from one that is forgotten.
        knots = list(self._knots)[1:]
        marker.points = list(chain.from_iterable(knot.points for knot in knots))
        marker.colors = list(chain.from_iterable(knot.colours for knot in knots))
        return MarkerArray(markers=[marker])


def _draw_lines(before, after):
    """Give `after` the lines from the knot before, for points that both have."""
    ids, first, second = np.intersect1d(before.ids, after.ids, return_indices=True)
    ends = np.stack([before.positions[first], after.positions[second]], 1).reshape(-1, 3)
    after.points = [Point(x=x, y=y, z=z) for x, y, z in ends.tolist()]
    for red, green, blue in (colours_of(ids) / 255).tolist():
        after.colours += [ColorRGBA(r=red, g=green, b=blue, a=1.0)] * 2
