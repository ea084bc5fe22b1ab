"""What comes out of the live node for results of every state, over real DDS."""

import numpy as np
import pytest
from endo_harness import (
    CAMERA,
    DEPTH_M,
    LEFT_FRAME,
    NODE,
    STAMP_NS,
    Settings,
    held,
    running,
    shoot_until,
)
from geometry_msgs.msg import PoseWithCovarianceStamped
from ros_harness import values
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_srvs.srv import SetBool, Trigger
from visualization_msgs.msg import MarkerArray

from surg_invnerf.live.result import State
from surg_invnerf.tracks.result import Cause
from surgical_perception.clouds import cloud_from_message
from surgical_perception.errors import InputError
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.images import image_from_message
from surgical_perception.ros import stamps
from surgical_perception.ros.diagnostics import ERROR, OK, WARN


def test_tracks_go_out_with_stamp_frame_and_covariance():
    with running() as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.tracks and h.peer.statuses)
        cloud, status = h.peer.tracks[0], h.peer.statuses[0]
        assert stamps.to_ns(cloud.header.stamp) == STAMP_NS
        assert cloud.header.frame_id == LEFT_FRAME
        assert cloud.is_dense
        points = cloud_from_message(cloud)
        assert points['track_id'].tolist() == [0, 1, 2]
        assert points['visible'].tolist() == [1, 1, 0]
        assert points['cause'].tolist() == [Cause.VISIBLE, Cause.VISIBLE, Cause.TOOL]
        np.testing.assert_allclose(points['z'], DEPTH_M)
        xyz_m = np.stack([points[axis] for axis in 'xyz'], -1)
        uv = np.stack([points['u'], points['v']], -1)
        np.testing.assert_allclose(CAMERA.left.project(xyz_m), uv, atol=1e-3)
        covariance = [points[0][f'cov_{axes}'] for axes in ('xx', 'xy', 'xz', 'yy', 'yz', 'zz')]
        np.testing.assert_allclose(covariance, np.arange(1, 7) * 1e-6)
        np.testing.assert_allclose(points['age'], [0, 0, 0.5])
        assert points['rgb'].view(np.uint32).tolist() == [0xFF0000, 0x00FF00, 0x010203]
        assert (status.level, status.message) == (OK, 'TRACKING')
        assert values(status)['image_stamp'] == stamps.text(STAMP_NS)
        assert values(status)['visible'] == '2'
        assert values(status)['hidden'] == '1 tool'


def test_points_that_were_not_measured_for_long_are_left_out():
    settings = Settings()
    settings.hidden_s = 5.5
    with running(settings, points__max_age_s=5) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.tracks)
        assert cloud_from_message(h.peer.tracks[0])['track_id'].tolist() == [0, 1]


@pytest.mark.parametrize(('state', 'level'), [(State.DEGRADED, WARN), (State.BOOT, WARN)])
def test_what_is_not_sure_goes_out_with_a_warning(state, level):
    with running(Settings(state, 'smoke')) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.tracks and h.peer.statuses)
        assert h.peer.statuses[0].level == level
        assert h.peer.statuses[0].message == f'{state.name}: smoke'


def test_lost_has_a_status_and_nothing_else():
    with running(Settings(State.LOST, 'the left image is blank')) as h:
        others = [
            h.peer.collect(kind, f'{NODE}/{name}')
            for name, kind in (
                ('depth', Image),
                ('trails', MarkerArray),
                ('surface', PointCloud2),
                ('camera_pose', PoseWithCovarianceStamped),
            )
        ]
        h.connected().peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.statuses)
        assert h.peer.statuses[0].level == ERROR
        assert values(h.peer.statuses[0])['reason'] == 'the left image is blank'
        h.never(lambda: h.peer.tracks or any(others))


def test_depth_and_its_camera_info_serve_depth_image_proc():
    with running() as h:
        depths = h.peer.collect(Image, f'{NODE}/depth')
        infos = h.peer.collect(CameraInfo, f'{NODE}/depth/camera_info')
        h.connected().peer.shoot(STAMP_NS)
        h.wait(lambda: depths and infos)
        depth_m = image_from_message(depths[0])
        assert depth_m.dtype == np.float32 and np.isnan(depth_m[0, 0])
        np.testing.assert_allclose(depth_m[1:], DEPTH_M)
        assert PinholeCamera.from_camera_info(infos[0]) == CAMERA.left
        for message in (depths[0], infos[0]):
            assert message.header == h.peer.tracks[0].header


def test_surface_trails_and_overlay_are_made_for_subscribers():
    with running(pictures__trail_s=1.0, pictures__surface_rate_hz=30.0) as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.tracks and not h.node.worker.busy)
        surfaces = h.peer.collect(PointCloud2, f'{NODE}/surface')
        trails = h.peer.collect(MarkerArray, f'{NODE}/trails')
        overlays = h.peer.collect(Image, f'{NODE}/overlay')
        h.connected()
        shoot_until(
            h,
            lambda: surfaces and overlays and trails and trails[-1].markers[0].points,
            STAMP_NS + 200_000_000,
        )
        surface = cloud_from_message(surfaces[0])
        np.testing.assert_allclose(surface['normal_z'], -1)
        np.testing.assert_allclose(surface['flow_x'], 0.001, rtol=1e-6)
        assert surface['rgb'].view(np.uint32).tolist() == [0xFF8000, 0x0000FF]
        sent = [stamps.to_ns(cloud.header.stamp) for cloud in h.peer.tracks]
        assert stamps.to_ns(surfaces[0].header.stamp) in sent
        picture = image_from_message(overlays[0])
        assert picture.shape == (48, 64, 3) and overlays[0].encoding == 'rgb8'
        marker = trails[-1].markers[0]
        assert marker.header.frame_id == LEFT_FRAME
        assert len(marker.points) == len(marker.colors) and len(marker.points) % 2 == 0
        assert len(surfaces) == len({stamps.to_ns(s.header.stamp) for s in surfaces})


def test_latest_pair_wins_while_the_worker_is_busy():
    settings = held()
    with running(settings) as h:
        for index in range(4):
            h.peer.shoot(STAMP_NS + index)
            h.wait(lambda index=index: h.node.inputs.counts()['/left/image_rect'] == index + 1)
            h.wait(lambda: settings.frames)
        h.wait(lambda: h.node.inputs.counts()['/right/image_rect'] == 4)
        settings.hold.set()
        h.wait(lambda: len(h.peer.tracks) == 2)
        sent = [stamps.to_ns(cloud.header.stamp) for cloud in h.peer.tracks]
        assert sent == [STAMP_NS, STAMP_NS + 3]
        assert h.node.worker.dropped == 2


def test_frames_arrive_as_rgb_with_a_rising_index():
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:] = (10, 20, 30)
    with running() as h:
        for count, (encoding, sent) in enumerate(
            (('bgr8', pixels), ('rgb8', pixels), ('mono8', pixels[..., 0])), 1
        ):
            h.peer.shoot(STAMP_NS + count, pixels=sent, encoding=encoding)
            h.wait(lambda count=count: len(h.peer.statuses) == count)
        frames = h.settings.frames
        assert [frame.left[0, 0].tolist() for frame in frames] == [
            [30, 20, 10],
            [10, 20, 30],
            [10, 10, 10],
        ]
        assert [frame.index for frame in frames] == [0, 1, 2]
        assert all(frame.world_from_camera is None and frame.tool is None for frame in frames)


def test_save_writes_into_a_folder_of_its_own(tmp_path):
    with running(save__directory=str(tmp_path / 'maps')) as h:
        answer = h.call(Trigger, f'{NODE}/save')
        assert not answer.success and 'no stereo pair' in answer.message
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.tracks)
        answers = [h.call(Trigger, f'{NODE}/save') for _ in range(2)]
        assert all(answer.success for answer in answers)
        folders = {answer.message for answer in answers}
        assert folders == {str(path.parent) for path in tmp_path.glob('maps/*/surface.ply')}
        assert len(folders) == 2
        h.settings.save_error = InputError('the fit has no model yet')
        answer = h.call(Trigger, f'{NODE}/save')
        assert not answer.success and answer.message == 'the fit has no model yet'


def test_reset_and_enable():
    with running() as h:
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.tracks)
        (pipeline,) = h.settings.made
        assert h.call(Trigger, f'{NODE}/reset').success
        assert h.call(SetBool, f'{NODE}/enable', SetBool.Request(data=False)).success
        h.peer.shoot(STAMP_NS + 1)
        h.wait(lambda: h.node.inputs.counts()['/right/image_rect'] == 2)
        h.never(lambda: len(pipeline.frames) > 1, 0.1)
        assert h.call(SetBool, f'{NODE}/enable', SetBool.Request(data=True)).success
        h.peer.shoot(STAMP_NS + 2)
        h.wait(lambda: len(h.peer.tracks) == 2)
        assert pipeline.resets == ['reset was called']
        assert h.settings.made == [pipeline]
