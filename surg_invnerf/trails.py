"""The last seconds of every point as coloured lines."""

from collections import deque
from itertools import pairwise

import numpy as np
from geometry_msgs.msg import Point
from rclpy.duration import Duration
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from surg_invnerf.track_overlay import colour_of
from surgical_perception.geometry import se3
from surgical_perception.ros.stamps import NS_PER_S

# A trail of so many pieces bends smoothly, and building its message takes a few milliseconds.
_KNOTS = 10
_LINE_WIDTH_M = 4e-4


class Trails:
    """Collects positions, a few per trail, in the world where there is one, else in the camera."""

    def __init__(self):
        self._knots = deque()  # (stamp_ns, ids, positions [N, 3])
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
        if self._knots and stamp_ns - self._knots[-1][0] < trail_ns // _KNOTS:
            return None
        seen = result.visible
        positions = se3.apply(frame_from_camera, result.xyz_m[seen].astype(float))
        self._knots.append((stamp_ns, result.ids[seen], positions))
        while stamp_ns - self._knots[0][0] > trail_ns:
            self._knots.popleft()
        return self._message(trail_s)

    def _message(self, trail_s):
        marker = Marker(ns='trails', type=Marker.LINE_LIST, action=Marker.ADD)
        marker.header.frame_id = self._frame
        marker.header.stamp.sec, marker.header.stamp.nanosec = divmod(self._knots[-1][0], NS_PER_S)
        marker.pose.orientation.w = 1.0
        marker.scale.x = _LINE_WIDTH_M
        # Where nothing more comes, as when tracking is lost, the lines go by themselves.
        marker.lifetime = Duration(seconds=trail_s).to_msg()
        for (_, ids, begins), (_, next_ids, ends) in pairwise(self._knots):
            both, first, second = np.intersect1d(ids, next_ids, return_indices=True)
            for point_id, begin, end in zip(
                both.tolist(), begins[first].tolist(), ends[second].tolist(), strict=True
            ):
                red, green, blue = (float(value) for value in colour_of(point_id) / 255)
                colour = ColorRGBA(r=red, g=green, b=blue, a=1.0)
                for x, y, z in (begin, end):
                    marker.points.append(Point(x=x, y=y, z=z))
                    marker.colors.append(colour)
        return MarkerArray(markers=[marker])
