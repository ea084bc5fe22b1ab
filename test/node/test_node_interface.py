"""The public interface: one file, and the code, the launch file and RViz hold to it."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from node_harness import running
from node_interface import ROOT, NodeInterface, shipped_values

from surgical_perception import parameter_files, parameters
from surgical_perception.ros.parameters import NOT_GIVEN
from xray_registration.parameters import XrayRegistrationParameters, registration_config

INTERFACE = NodeInterface('xray_registration_node')
LISTED = INTERFACE.listed


def test_topics_types_and_qos_of_the_running_node():
    with running() as h:
        INTERFACE.assert_topics(h)


def test_services_diagnostics_and_status_of_the_running_node():
    with running() as h:
        INTERFACE.assert_services(h)
        h.peer.shoot(1_700_000_000_000_000_000)
        h.wait(lambda: h.peer.statuses and h.peer.diagnostics)
        INTERFACE.assert_status_and_diagnostics(h.peer.statuses[0], h.peer.diagnostics[0])


def test_parameters_and_frames():
    with running() as h:
        schema = INTERFACE.assert_parameters(h.node, XrayRegistrationParameters)
        description = h.node.describe_parameter('tf.rate_hz')
        assert description.floating_point_range[0].to_value == schema['tf.rate_hz'].high
        assert schema['tf.rate_hz'].text in description.description


@pytest.mark.parametrize('path', sorted(parameter_files.files()))
def test_generated_files_are_in_step_with_the_code(path):
    generated = parameter_files.files()[path]
    assert (ROOT / path).read_text() == generated, (
        'run python -m surgical_perception.parameter_files'
    )


def test_the_shipped_yaml_says_what_the_code_says():
    values = shipped_values('config/xray_registration.yaml')
    assert parameters.build(XrayRegistrationParameters, values) == XrayRegistrationParameters()


def test_defaults_of_the_parameters_are_those_of_the_registration():
    from xray_registration.config import RegistrationConfig

    assert registration_config(XrayRegistrationParameters()) == RegistrationConfig()


def test_launch_file_starts_the_executable_and_remaps_the_inputs(launched):
    (node,) = launched(LISTED['launch'], image='/carm/image', ct='/data/ct.nii')
    assert (node.executable, node.name) == (LISTED['executable'], INTERFACE.name)
    inline = {p.name: p.value for p in node.parameters if not isinstance(p, Path)}
    schema = parameters.flatten(XrayRegistrationParameters)
    for name, value in inline.items():
        if name != 'use_sim_time':
            assert name.removeprefix('launch.') in schema
            assert value == ('/data/ct.nii' if name == 'launch.ct.path' else NOT_GIVEN)
    assert {source for source, _ in node.remappings} <= set(LISTED['subscriptions'])
    assert ('image_rect', '/carm/image') in node.remappings
    (file,) = [path for path in node.parameters if isinstance(path, Path)]
    assert file.samefile(ROOT / 'config/xray_registration.yaml')


def test_launch_file_starts_rviz_with_our_displays(launched):
    _, rviz = launched(LISTED['launch'], rviz='true')
    assert rviz.executable == 'rviz2'
    assert Path(rviz.arguments[1]).samefile(ROOT / 'rviz/xray_registration.rviz')


def test_launch_argument_beats_the_file_only_where_it_is_given():
    given = {'launch.ct_frame': 'planned_ct', 'ct_frame': 'ct', 'launch.device': NOT_GIVEN}
    with running(device='cpu', **given) as h:
        assert (h.node.config.ct_frame, h.node.config.device) == ('planned_ct', 'cpu')


RVIZ_TYPES = {
    'rviz_default_plugins/Marker': 'visualization_msgs/msg/Marker',
    'rviz_default_plugins/MarkerArray': 'visualization_msgs/msg/MarkerArray',
    'rviz_default_plugins/Image': 'sensor_msgs/msg/Image',
    'rviz_default_plugins/PoseWithCovariance': 'geometry_msgs/msg/PoseWithCovarianceStamped',
    'rviz_default_plugins/SetInitialPose': 'geometry_msgs/msg/PoseWithCovarianceStamped',
}


SHOWN = ('~/ct_surface', '~/carm', '~/overlay', '~/pose')


def test_rviz_displays_match_topics_types_and_qos():
    shown = INTERFACE.shown_by_rviz('rviz/xray_registration.rviz', RVIZ_TYPES)
    assert set(shown) == {INTERFACE.resolved(name) for name in (*SHOWN, 'initial_pose')}


def test_foxglove_layout_shows_topics_that_exist():
    panels = json.loads((ROOT / 'foxglove/xray_registration.json').read_text())['configById']
    topics = INTERFACE.expected('subscriptions', 'publishers')
    kinds = {name: kind for name, (kind, *_) in topics.items()}
    images = {p['imageMode']['imageTopic'] for n, p in panels.items() if n.startswith('Image!')}
    assert {kinds[name] for name in images} == {'sensor_msgs/msg/Image'}
    scene = panels['3D!theatre']
    assert set(scene['topics']) <= set(kinds)
    assert kinds[scene['publish']['poseEstimateTopic']] == kinds['/initial_pose']
    assert {INTERFACE.resolved(name) for name in SHOWN} <= images | set(scene['topics'])
    assert panels['RawMessages!status']['topicPath'] == INTERFACE.resolved('~/status')
    assert panels['DiagnosticSummary!nodes']['topicToRender'] in kinds
    assert scene['followTf'] == 'patient'


def test_rviz_shows_the_frames_that_a_tracked_node_publishes():
    """Its fixed frame is the reference of the tracked mode, and `ct` hangs below it."""
    rviz = yaml.safe_load((ROOT / 'rviz/xray_registration.rviz').read_text())[
        'Visualization Manager'
    ]
    assert 'rviz_default_plugins/TF' in {display['Class'] for display in rviz['Displays']}
    fixed = rviz['Global Options']['Fixed Frame']
    with running(reference_frame=fixed) as h:
        stamp_ns = h.peer.get_clock().now().nanoseconds
        h.peer.broadcaster.send(fixed, 'carm', stamp_ns, np.eye(4))
        h.peer.shoot(stamp_ns)
        h.wait(lambda: h.peer.transforms)
        assert h.peer.transforms[0].header.frame_id == fixed
