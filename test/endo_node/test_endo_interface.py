"""The live node's public interface: one file, and code, launch file and layouts hold to it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from endo_harness import STAMP_NS, running
from node_interface import ROOT, NodeInterface, shipped_values

from surg_invnerf import messages
from surg_invnerf.live.config import LiveConfig
from surg_invnerf.parameters import SurgInvnerfParameters, live_config
from surgical_perception import parameters
from surgical_perception.errors import InputError
from surgical_perception.ros.parameters import NOT_GIVEN

INTERFACE = NodeInterface('surg_invnerf_node')
LISTED = INTERFACE.listed


def test_topics_types_and_qos_of_the_running_node():
    with running() as h:
        INTERFACE.assert_topics(h)


def test_measured_cp_is_subscribed_where_poses_come_from_it():
    with running(camera_pose_source='crtk') as h:
        INTERFACE.assert_topics(h, ('subscriptions', 'subscriptions_crtk'))


def test_services_diagnostics_and_status_of_the_running_node():
    with running() as h:
        INTERFACE.assert_services(h)
        h.peer.shoot(STAMP_NS)
        h.wait(lambda: h.peer.statuses and h.peer.diagnostics and h.peer.tracks)
        INTERFACE.assert_status_and_diagnostics(h.peer.statuses[0], h.peer.diagnostics[0])
        fields = [field.name for field in h.peer.tracks[0].fields]
        assert fields == LISTED['tracks_fields']
        assert list(messages.SURFACE.names) == LISTED['surface_fields']


def test_parameters_and_frames():
    with running() as h:
        INTERFACE.assert_parameters(h.node, SurgInvnerfParameters)


def test_the_shipped_yaml_says_what_the_code_says():
    values = shipped_values('config/surg_invnerf.yaml')
    assert parameters.build(SurgInvnerfParameters, values) == SurgInvnerfParameters()


def test_defaults_of_the_parameters_are_those_of_the_pipeline():
    assert live_config(SurgInvnerfParameters(), 'cpu') == LiveConfig()


@pytest.mark.parametrize(
    ('values', 'reason'),
    [
        ({'camera_pose_source': 'tf'}, 'world_frame is empty'),
        ({'world_frame': '/base'}, 'slash'),
        ({'tf.estimated_camera_frame': 'scope'}, 'no camera pose to send'),
        ({'points.grid': 9, 'points.budget': 8}, 'above points.budget'),
        ({'save.directory': ''}, 'save.directory is empty'),
        (
            {
                'camera_pose_source': 'tf',
                'world_frame': 'base',
                'tf.estimated_camera_frame': 'base',
            },
            'is world_frame too',
        ),
    ],
)
def test_values_that_are_good_alone_but_not_together(values, reason):
    with pytest.raises(InputError, match=reason):
        parameters.build(SurgInvnerfParameters, values)


def test_launch_file_starts_the_executable_and_remaps_the_inputs(launched):
    (node,) = launched(LISTED['launch'], left_image='/scope/left', world_frame='base')
    assert (node.executable, node.name) == (LISTED['executable'], INTERFACE.name)
    inline = {p.name: p.value for p in node.parameters if not isinstance(p, Path)}
    schema = parameters.flatten(SurgInvnerfParameters)
    for name, value in inline.items():
        if name != 'use_sim_time':
            assert name.removeprefix('launch.') in schema
            assert value == ('base' if name == 'launch.world_frame' else NOT_GIVEN)
    inputs = LISTED['subscriptions'] | LISTED['subscriptions_crtk']
    own = {name for name in inputs if not name.startswith('/tf')}
    assert {source for source, _ in node.remappings} == own
    assert ('left/image_rect', '/scope/left') in node.remappings
    (file,) = [path for path in node.parameters if isinstance(path, Path)]
    assert file.samefile(ROOT / 'config/surg_invnerf.yaml')


def test_launch_file_starts_rviz_on_the_remapped_image(launched):
    _, rviz = launched(LISTED['launch'], rviz='true', left_image='/scope/left')
    assert Path(rviz.arguments[1]).samefile(ROOT / 'rviz/surg_invnerf.rviz')
    assert ('/left/image_rect', '/scope/left') in rviz.remappings


RVIZ_TYPES = {
    'rviz_default_plugins/PointCloud2': 'sensor_msgs/msg/PointCloud2',
    'rviz_default_plugins/MarkerArray': 'visualization_msgs/msg/MarkerArray',
    'rviz_default_plugins/Image': 'sensor_msgs/msg/Image',
    'rviz_default_plugins/PoseWithCovariance': 'geometry_msgs/msg/PoseWithCovarianceStamped',
    'rviz_default_plugins/PublishPoint': 'geometry_msgs/msg/PointStamped',
}
SHOWN = ('left/image_rect', '~/tracks', '~/surface', '~/trails', '~/depth', '~/overlay')


def test_rviz_displays_match_topics_types_and_qos():
    shown = INTERFACE.shown_by_rviz('rviz/surg_invnerf.rviz', RVIZ_TYPES)
    wanted = (*SHOWN, '~/camera_pose', 'clicked_point')
    assert set(shown) == {INTERFACE.resolved(name) for name in wanted}


def test_foxglove_layout_shows_topics_that_exist():
    layout = json.loads((ROOT / 'foxglove/surg_invnerf.json').read_text())
    panels = layout['configById']
    kinds = {name: kind for name, (kind, *_) in topics().items()}
    images = [panel['imageMode'] for name, panel in panels.items() if name.startswith('Image!')]
    for panel in images:
        assert kinds[panel['imageTopic']] == 'sensor_msgs/msg/Image'
        if 'calibrationTopic' in panel:
            assert kinds[panel['calibrationTopic']] == 'sensor_msgs/msg/CameraInfo'
    scene = panels['3D!tissue']
    assert set(scene['topics']) <= set(kinds)
    assert kinds[scene['publish']['pointTopic']] == 'geometry_msgs/msg/PointStamped'
    shown = {panel['imageTopic'] for panel in images} | set(scene['topics'])
    assert {INTERFACE.resolved(name) for name in SHOWN} <= shown
    for key in ('RawMessages!status', 'DiagnosticSummary!nodes'):
        assert (panels[key].get('topicPath') or panels[key]['topicToRender']) in kinds
    assert placed(layout['layout']) == set(panels)


def topics():
    return INTERFACE.expected('subscriptions', 'publishers')


def placed(tree):
    """Return the panels that a Foxglove layout places."""
    return {tree} if isinstance(tree, str) else placed(tree['first']) | placed(tree['second'])


@pytest.mark.parametrize('module', ['tracking_session', 'parameters', 'tool_masks', 'queries'])
def test_what_the_worker_runs_imports_no_ros(module):
    check = f'import sys, surg_invnerf.{module}; sys.exit("rclpy" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', check]).returncode == 0
