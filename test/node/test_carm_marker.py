"""The C-arm as RViz and Foxglove show it: beam and detector where the camera has them."""

import math

import numpy as np
import pytest
from node_harness import CAMERA, NODE, running
from visualization_msgs.msg import MarkerArray

from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.ros import qos
from surgical_perception.ros.diagnostics import ERROR, OK, WARN, Report
from xray_registration.carm_marker import carm_markers, label_marker

STAMP_NS = 1_700_000_000_000_000_000


def points(marker):
    return np.array([[p.x, p.y, p.z] for p in marker.points])


def test_the_detector_has_the_size_and_distance_that_made_the_camera():
    camera = PinholeCamera.from_carm(300, 200, 1020.0, 1.0, x0_mm=5.0)
    corners = camera.corners(1.02)
    np.testing.assert_allclose(np.ptp(corners, axis=0), [0.3, 0.2, 0.0], atol=1e-12)
    np.testing.assert_allclose(corners.mean(0), [-0.005, 0.0, 1.02], atol=1e-12)


def test_the_beam_ends_where_the_borders_of_the_image_project():
    beam, source, detector = carm_markers('carm', 'carm_optical', CAMERA, 1.0)
    ends = points(beam)
    corners = ends[1:8:2]
    np.testing.assert_array_equal(ends[0:8:2], np.zeros((4, 3)))
    pixels = CAMERA.project(corners)
    width, height = CAMERA.width - 0.5, CAMERA.height - 0.5
    expected = [[-0.5, -0.5], [width, -0.5], [width, height], [-0.5, height]]
    np.testing.assert_allclose(pixels, expected, atol=1e-9)
    assert {m.header.frame_id for m in (beam, source, detector)} == {'carm_optical'}
    assert all(m.frame_locked for m in (beam, source, detector))
    assert len({(m.ns, m.id) for m in (beam, source, detector)}) == 3
    area = 0
    for a, b, c in points(detector).reshape(-1, 3, 3):
        area += np.linalg.norm(np.cross(b - a, c - a)) / 2
    assert math.isclose(area, 2 * (64 / 300) * (48 / 300))  # both sides


@pytest.mark.parametrize(('level', 'strongest'), [(OK, 'g'), (ERROR, 'r')])
def test_the_label_has_the_colour_of_its_level(level, strongest):
    report = Report(level, 'REJECTED: ' + 'a long reason ' * 12)
    label = label_marker('carm', report, [0.0, -0.1, 1.0])
    colour = {name: getattr(label.color, name) for name in 'rgb'}
    assert max(colour, key=colour.get) == strongest
    assert label.text.replace('\n', ' ') == report.message.strip()
    assert label.pose.position.y < -0.1
    assert label_marker('carm', Report(WARN, 'x'), [0, 0, 1]).color.r > 0.9


def test_a_late_subscriber_sees_the_carm_and_what_came_of_the_last_image():
    with running(carm__source_to_detector_mm=1200.0) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.statuses)
        drawn = h.peer.collect(MarkerArray, f'{NODE}/carm', qos.LATCHED)
        h.wait(lambda: drawn)
        *carm, label = drawn[0].markers
        assert points(carm[0])[1, 2] == pytest.approx(1.2)
        assert label.text == 'OK'
        h.pipeline.error = RuntimeError('broken')
        h.peer.shoot(STAMP_NS + 1)
        h.wait(lambda: len(drawn) > 1)
        assert len(drawn[1].markers) == 4
        assert drawn[1].markers[-1].text.startswith('REJECTED')
