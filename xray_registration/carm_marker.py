"""The C-arm as markers for RViz and Foxglove: source, beam, detector, and what the node says."""

import textwrap

import numpy as np
from geometry_msgs.msg import Point
from visualization_msgs.msg import Marker, MarkerArray

from surgical_perception.clouds import fill_triangle_marker
from surgical_perception.ros.diagnostics import OK, WARN

_BEAM_RGBA, _DETECTOR_RGBA = (0.34, 0.71, 0.91, 0.9), (0.34, 0.71, 0.91, 0.25)
# Okabe and Ito's green, yellow and vermillion: told apart with every kind of colour vision.
_LABEL_RGBA = {OK: (0.0, 0.62, 0.45, 1.0), WARN: (0.94, 0.89, 0.26, 1.0)}
_BAD_RGBA = (0.84, 0.37, 0.0, 1.0)
_SOURCE_M, _LINE_M, _TEXT_M = 0.03, 0.003, 0.03
_LABEL_COLUMNS = 48
_CORNERS = [(0, 1), (1, 2), (2, 3), (3, 0)]


def carm_markers(view_name, frame, camera, source_to_detector_m):
    """
    Return the Markers of one view, in the frame of its images: they move with TF.

    camera      PinholeCamera; it fixes ratios only, hence `source_to_detector_m`
    """
    corners_m = camera.corners(source_to_detector_m)
    corners = [Point(x=x, y=y, z=z) for x, y, z in corners_m.tolist()]
    beam = _marker(view_name, frame, 0, Marker.LINE_LIST, _BEAM_RGBA, (_LINE_M, 0.0, 0.0))
    for corner in corners:
        beam.points += [Point(), corner]
    for begin, end in _CORNERS:
        beam.points += [corners[begin], corners[end]]
    source = _marker(view_name, frame, 1, Marker.SPHERE, _BEAM_RGBA, (_SOURCE_M,) * 3)
    detector = Marker(ns=view_name, id=2, frame_locked=True)
    detector.header.frame_id = frame
    # Both sides: RViz leaves out triangles that are seen from behind.
    faces = np.array([[0, 1, 2], [0, 2, 3], [2, 1, 0], [3, 2, 0]])
    fill_triangle_marker(detector, corners_m, faces, _DETECTOR_RGBA)
    return [beam, source, detector]


def label_marker(frame, report, beside_m):
    """Return a Report as text in the colour of its level, centred above a point [3] (m)."""
    colour = _LABEL_RGBA.get(report.level, _BAD_RGBA)
    label = _marker('status', frame, 0, Marker.TEXT_VIEW_FACING, colour, (0.0, 0.0, _TEXT_M))
    label.text = textwrap.fill(report.message, _LABEL_COLUMNS)
    lines = label.text.count('\n') + 1
    x, y, z = (float(value) for value in beside_m)
    label.pose.position = Point(x=x, y=y - 0.7 * lines * _TEXT_M, z=z)
    return label


class CarmDrawing:
    """What is drawn of the C-arm now: the last views, and the last word."""

    def __init__(self):
        self._markers, self._beside_m = [], np.array([0.0, 0.0, 0.5])

    def take_views(self, names, headers, cameras, source_to_detector_m):
        """Take the cameras of a shot, one of each per view."""
        self._markers = [
            marker
            for name, header, camera in zip(names, headers, cameras, strict=True)
            for marker in carm_markers(name, header.frame_id, camera, source_to_detector_m)
        ]
        corners_m = cameras[0].corners(source_to_detector_m)
        self._beside_m = corners_m[:2].mean(0)

    def message(self, frame, report):
        """Return it as MarkerArray; the label stands above the detector of the first view."""
        return MarkerArray(markers=[*self._markers, label_marker(frame, report, self._beside_m)])


def _marker(namespace, frame, number, kind, rgba, scale):
    marker = Marker(ns=namespace, id=number, type=kind, frame_locked=True)
    marker.header.frame_id = frame
    marker.pose.orientation.w = 1.0
    marker.scale.x, marker.scale.y, marker.scale.z = scale
    marker.color.r, marker.color.g, marker.color.b, marker.color.a = rgba
    return marker
