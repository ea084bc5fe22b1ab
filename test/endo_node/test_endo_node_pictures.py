"""What is drawn and derived from results: trails, overlay, frames attached to points."""

from types import SimpleNamespace

import numpy as np
import pytest
from endo_harness import CAMERA

from surg_invnerf.attached_frames import attached_frame
from surg_invnerf.live.result import State
from surg_invnerf.track_overlay import colours_of, draw_tracks
from surg_invnerf.trails import Trails
from surgical_perception.geometry import se3

S = 1_000_000_000


def result(ids, xyz_m, visible=None):
    xyz_m = np.asarray(xyz_m, np.float32)
    visible = np.ones(len(ids), bool) if visible is None else np.array(visible)
    uv = CAMERA.left.project(xyz_m)
    return SimpleNamespace(ids=np.array(ids), xyz_m=xyz_m, uv=uv, visible=visible)


def ends(markers):
    points = [(p.x, p.y, p.z) for p in markers.markers[0].points]
    return np.array(points).reshape(-1, 2, 3)


def test_a_trail_leads_from_where_a_point_was_to_where_it_is():
    trails = Trails()
    for step in range(4):
        at = result([7, 9], [[0.01 * step, 0, 0.1], [0, 0.01, 0.1]])
        made = trails.add(step * S, 'camera', np.eye(4), at, trail_s=10.0)
    lines = ends(made)
    assert len(lines) == 6 and len(made.markers[0].colors) == 12
    moving = lines[lines[:, 0, 1] == 0]
    np.testing.assert_allclose(moving[:, 0, 0], [0, 0.01, 0.02], atol=1e-8)
    np.testing.assert_allclose(moving[:, 1, 0], [0.01, 0.02, 0.03], atol=1e-8)


def test_trails_lie_in_the_world_where_the_pose_is_known():
    world_from_camera = se3.exp([0.1, 0.2, 0.3, 0.4, -0.5, 0.6])
    trails = Trails()
    for step in range(2):
        at = result([1], [[0, 0, 0.1]])
        made = trails.add(step * S, 'base', world_from_camera, at, trail_s=5.0)
    expected = se3.apply(world_from_camera, np.array([0, 0, 0.1]))
    np.testing.assert_allclose(ends(made)[0], [expected] * 2, atol=1e-8)
    assert made.markers[0].header.frame_id == 'base'
    # In another frame the old positions mean nothing.
    made = trails.add(3 * S, 'camera', np.eye(4), at, trail_s=5.0)
    assert not made.markers[0].points


def test_trails_end_and_have_gaps_where_a_point_was_hidden():
    trails = Trails()
    for step in range(30):
        at = result([1], [[0, 0, 0.1]], [step != 27])
        made = trails.add(step * S, 'camera', np.eye(4), at, trail_s=5.0)
    assert len(ends(made)) == 3  # of five seconds, two lines touch the hidden one
    assert trails.add(29 * S + 1, 'camera', np.eye(4), at, trail_s=5.0) is None


def test_an_id_keeps_its_colour_and_neighbours_differ():
    colours = colours_of(np.arange(200)).astype(int)
    np.testing.assert_array_equal(colours_of([7]), colours[[7]])
    assert np.abs(np.diff(colours, axis=0)).sum(1).min() > 100
    assert colours_of([]).shape == (0, 3)


def test_overlay_shows_points_only_while_they_can_be_trusted():
    image = np.full((80, 100, 3), 100, np.uint8)
    at = result([1, 2], [[0, 0.02, 0.1], [0.02, 0.03, 0.1]], [True, False])
    shown = draw_tracks(image, at, State.TRACKING, '')
    u, v = np.rint(at.uv[0]).astype(int)
    np.testing.assert_array_equal(shown[v, u], colours_of([1])[0])
    u, v = np.rint(at.uv[1]).astype(int)
    assert (shown[v, u] == 100).all() and (shown[v, u + 3] != 100).any()  # a ring
    lost = draw_tracks(image, at, State.LOST, 'blank')
    assert (lost[22:] == 100).all() and (lost[:22] != shown[:22]).any()
    assert (image == 100).all()


@pytest.mark.parametrize('tilt', [(0.0, 0.0), (0.3, -0.2), (-0.5, 0.4)])
def test_attached_frame_stands_on_the_surface(tilt):
    camera = CAMERA.left
    rays = camera.ray_directions()
    normal = np.array([*tilt, -1.0])
    normal /= np.linalg.norm(normal)
    along = -0.08 / (rays @ normal)  # the plane normal . x = -0.08 m
    depth_m = (along * rays[..., 2]).astype(np.float32)
    depth_m[20, 30] = np.nan
    point = (along[..., None] * rays)[23, 31]
    frame = attached_frame(point, depth_m, camera)
    np.testing.assert_allclose(frame[:3, 2], normal, atol=1e-4)
    np.testing.assert_allclose(frame[:3, 3], point)
    np.testing.assert_allclose(se3.validated(frame, 'frame'), frame, atol=1e-9)
    assert frame[0, 0] > 0 and frame[1, 1] < 0  # x to the right, y up, z towards the camera


def test_a_point_without_a_measured_surface_has_no_frame():
    depth_m = np.full((48, 64), np.nan, np.float32)
    assert attached_frame([0, 0, 0.08], depth_m, CAMERA.left) is None
    assert attached_frame([-0.5, 0, 0.08], depth_m + 1, CAMERA.left) is None
