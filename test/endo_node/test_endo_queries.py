"""Points that people and programs ask for, and masks of tools."""

import numpy as np
import pytest
from endo_harness import LEFT_FRAME, STAMP_NS, Settings, running
from geometry_msgs.msg import PointStamped
from ros_harness import values

from surgical_perception.geometry import se3

WORLD_FROM_CAMERA = se3.exp([0.1, -0.2, 0.3, 0.4, 0.5, -0.6])


def test_query_points_are_pixels_of_the_left_image():
    with running() as h:
        h.peer.ask([[10, 20], [30.5, 40]])
        h.wait(lambda: h.node._session._commands)  # they wait for the first image
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.tracks)
        (pixels,) = h.settings.made[0].queries
        np.testing.assert_array_equal(pixels, [[10, 20], [30.5, 40]])


def test_refused_queries_are_counted_in_the_status():
    settings = Settings()
    settings.refusals = {'outside the image': 2, 'over the budget of 500 points': 7}
    with running(settings) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.statuses)
        refused = values(h.peer.statuses[0])['refused_queries']
        assert refused == '2 outside the image, 7 over the budget of 500 points'


@pytest.mark.parametrize(('uv', 'names'), [([[1, 2]], ('x', 'y')), (np.zeros((0, 2)), ('u', 'v'))])
def test_clouds_that_name_no_pixel_are_ignored(uv, names):
    with running() as h:
        h.peer.ask(uv, names)
        h.wait(lambda: h.node._optional[0].count)
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.tracks)
        assert h.settings.made[0].queries == []


def click(xyz_m, frame):
    message = PointStamped()
    message.header.frame_id = frame
    message.point.x, message.point.y, message.point.z = map(float, xyz_m)
    return message


def test_clicked_point_is_taken_to_the_left_camera_by_tf():
    xyz_m = np.array([0.004, -0.003, 0.08])
    with running() as h:
        h.peer.broadcaster.send_static([('base', LEFT_FRAME, WORLD_FROM_CAMERA)])
        h.wait(lambda: h.node._listener.can_transform(LEFT_FRAME, 'base', 0))
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.tracks)
        for point in (
            click(se3.apply(WORLD_FROM_CAMERA, xyz_m), 'base'),
            click(xyz_m, LEFT_FRAME),
            click([0, 0, np.nan], LEFT_FRAME),
            click(xyz_m, 'nowhere'),
        ):
            h.peer.clicks.publish(point)
        h.wait(lambda: h.node._optional[1].count == 4)
        h.peer.shoot(STAMP_NS + 1)
        h.wait(lambda: len(h.peer.tracks) == 2)
        found = h.settings.made[0].points
        assert len(found) == 2
        for point in found:
            np.testing.assert_allclose(point, xyz_m[None], atol=1e-12)


def test_a_click_before_the_first_image_is_refused():
    with running() as h:
        h.peer.clicks.publish(click([0, 0, 0.1], LEFT_FRAME))
        h.wait(lambda: h.node._optional[1].count)
        assert not h.node._session._commands


def test_tool_mask_reaches_the_frame_that_is_closest_in_time():
    mask = np.zeros((48, 64), np.uint8)
    mask[10:20, 5:9] = 255
    with running(input__tool_mask_max_age_s=0.1) as h:
        for late_ns, pixels in ((50_000_000, mask), (-90_000_000, 255 - mask)):
            h.peer.mask(STAMP_NS + late_ns, pixels)
        h.wait(lambda: h.node._optional[2].count == 2)
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.tracks)
        np.testing.assert_array_equal(h.settings.frames[0].tool, mask > 0)
        h.peer.shoot(STAMP_NS + 200_000_000)
        h.wait(lambda: len(h.peer.statuses) == 2)
        assert h.settings.frames[1].tool is None
        assert 'DEGRADED: tool_mask stopped' in h.peer.statuses[1].message


def test_tool_mask_of_another_size_is_named():
    with running() as h:
        h.peer.mask(STAMP_NS, np.zeros((10, 20), np.uint8))
        h.peer.mask(0, np.zeros((10, 20), np.uint8))
        h.peer.mask(STAMP_NS, np.zeros((10, 20, 3), np.uint8), 'rgb8')
        h.wait(lambda: h.node._optional[2].count == 3)
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.statuses)
        assert 'tool_mask is 20x10, the left image 64x48' in h.peer.statuses[0].message
