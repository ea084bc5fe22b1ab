"""The public interface: one file, and the code, the launch file and RViz hold to it."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from node_harness import running

import surgical_perception
from surgical_perception import parameter_files, parameters
from surgical_perception.ros.parameters import NOT_GIVEN
from surgical_perception.runtime.launch.interpreter import interpret
from xray_registration.parameters import XrayRegistrationParameters, registration_config

ROOT = Path(__file__).resolve().parents[2]
NAME = 'xray_registration_node'
INTERFACE = yaml.safe_load(
    (Path(surgical_perception.__file__).parent / 'interface.yaml').read_text()
)[NAME]
# Entities that rclpy gives to every node, and the inputs of every lifecycle node's clock.
OF_ROS = ('/parameter_events', '/rosout', '/clock', f'/{NAME}/transition_event')


def resolved(name):
    if name.startswith('~'):
        return f'/{NAME}{name[1:]}'
    return name if name.startswith('/') else f'/{name}'


def expected(kind):
    """Return {resolved topic: (type, reliability, durability)} of the interface file."""
    return {
        resolved(name): (q['type'], q['reliability'], q.get('durability', 'volatile'))
        for name, q in INTERFACE[kind].items()
    }


def found(peer, infos):
    """Return the same of the running node, by its endpoints."""
    return {
        topic: (
            info.topic_type,
            info.qos_profile.reliability.name.lower(),
            info.qos_profile.durability.name.lower(),
        )
        for topic, _ in peer.get_topic_names_and_types()
        if topic not in OF_ROS
        for info in infos(topic)
        if info.node_name == NAME
    }


def test_topics_types_and_qos_of_the_running_node():
    with running() as h:
        peer = h.peer
        subscriptions, publishers = expected('subscriptions'), expected('publishers')
        h.wait(lambda: found(peer, peer.get_subscriptions_info_by_topic) == subscriptions)
        h.wait(lambda: found(peer, peer.get_publishers_info_by_topic) == publishers)
        depths = {
            s.topic_name: s.qos_profile.depth
            for s in [*h.node.subscriptions, *h.node.publishers]
            if s.topic_name not in OF_ROS
        }
        for kind in ('subscriptions', 'publishers'):
            for name, q in INTERFACE[kind].items():
                if not name.startswith('/tf'):  # both published and subscribed, in two depths
                    assert depths[resolved(name)] == q['depth'], name


def test_services_diagnostics_and_status_of_the_running_node():
    with running() as h:
        offered = {
            name: types[0]
            for name, types in h.peer.get_service_names_and_types()
            if name.startswith(f'/{NAME}/')
        }
        for name, kind in INTERFACE['services'].items():
            assert offered.get(resolved(name)) == kind
        own = {
            n
            for n in offered
            if not n.endswith(('parameters', 'parameter_types', 'atomically', 'description'))
        }
        lifecycle = {n for n in own if 'available' in n or 'transition_graph' in n}
        assert own - lifecycle == {resolved(name) for name in INTERFACE['services']}
        h.peer.shoot(1_700_000_000_000_000_000)
        h.wait(lambda: h.peer.statuses and h.peer.diagnostics)
        assert [v.key for v in h.peer.statuses[0].values] == INTERFACE['status_values']
        parts = [status.name.removeprefix(f'{NAME}: ') for status in h.peer.diagnostics[0].status]
        assert parts == INTERFACE['diagnostics']


def test_parameters_and_frames():
    schema = parameters.flatten(XrayRegistrationParameters)
    assert list(schema) == INTERFACE['parameters']
    for name, default in INTERFACE['frames'].items():
        assert schema[name].default == default
    with running() as h:
        declared = set(h.node.get_parameters_by_prefix(''))
        of_ros = {'use_sim_time', 'start_type_description_service'}
        assert {n for n in declared - of_ros if not n.startswith('qos_overrides.')} == set(schema)
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
    with open(ROOT / 'config/xray_registration.yaml') as file:
        (content,) = [yaml.safe_load(file)['/**']['ros__parameters']]
    flat = {}

    def walk(block, prefix=''):
        for key, value in block.items():
            if isinstance(value, dict):
                walk(value, f'{prefix}{key}.')
            else:
                flat[prefix + key] = value

    walk(content)
    assert parameters.build(XrayRegistrationParameters, flat) == XrayRegistrationParameters()


def test_defaults_of_the_parameters_are_those_of_the_registration():
    from xray_registration.config import RegistrationConfig

    assert registration_config(XrayRegistrationParameters()) == RegistrationConfig()


@pytest.fixture
def launched(tmp_path, monkeypatch):
    """Return a function that interprets the launch file as if the package were installed."""
    index = tmp_path / 'share/ament_index/resource_index/packages'
    index.mkdir(parents=True)
    (index / 'surgical_perception').touch()
    (tmp_path / 'share/surgical_perception').symlink_to(ROOT)
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    return lambda **arguments: interpret(ROOT / 'launch' / INTERFACE['launch'], arguments).nodes


def test_launch_file_starts_the_executable_and_remaps_the_inputs(launched):
    (node,) = launched(image='/carm/image', ct='/data/ct.nii')
    assert (node.executable, node.name) == (INTERFACE['executable'], NAME)
    inline = {p.name: p.value for p in node.parameters if not isinstance(p, Path)}
    schema = parameters.flatten(XrayRegistrationParameters)
    for name, value in inline.items():
        if name != 'use_sim_time':
            assert name.removeprefix('launch.') in schema
            assert value == ('/data/ct.nii' if name == 'launch.ct.path' else NOT_GIVEN)
    assert {source for source, _ in node.remappings} <= set(INTERFACE['subscriptions'])
    assert ('image_rect', '/carm/image') in node.remappings
    (file,) = [path for path in node.parameters if isinstance(path, Path)]
    assert file.samefile(ROOT / 'config/xray_registration.yaml')


def test_launch_file_starts_rviz_with_our_displays(launched):
    _, rviz = launched(rviz='true')
    assert rviz.executable == 'rviz2'
    assert Path(rviz.arguments[1]).samefile(ROOT / 'rviz/xray_registration.rviz')


def test_launch_argument_beats_the_file_only_where_it_is_given():
    given = {'launch.ct_frame': 'planned_ct', 'ct_frame': 'ct', 'launch.device': NOT_GIVEN}
    with running(device='cpu', **given) as h:
        assert (h.node.config.ct_frame, h.node.config.device) == ('planned_ct', 'cpu')


RVIZ_TYPES = {
    'rviz_default_plugins/Marker': 'visualization_msgs/msg/Marker',
    'rviz_default_plugins/Image': 'sensor_msgs/msg/Image',
    'rviz_default_plugins/PoseWithCovariance': 'geometry_msgs/msg/PoseWithCovarianceStamped',
    'rviz_default_plugins/SetInitialPose': 'geometry_msgs/msg/PoseWithCovarianceStamped',
}


def test_rviz_displays_match_topics_types_and_qos():
    rviz = yaml.safe_load((ROOT / 'rviz/xray_registration.rviz').read_text())[
        'Visualization Manager'
    ]
    publishers, subscriptions = expected('publishers'), expected('subscriptions')
    shown = {}
    for display in rviz['Displays'] + rviz['Tools']:
        if 'Topic' not in display:
            continue
        topic = display['Topic']
        is_tool = display in rviz['Tools']
        kind, reliability, durability = (subscriptions if is_tool else publishers)[topic['Value']]
        assert RVIZ_TYPES[display['Class']] == kind
        assert topic['Reliability Policy'].lower() == reliability
        assert topic['Durability Policy'].lower().replace(' ', '_') == durability
        shown[topic['Value']] = display['Class']
    wanted = ('~/ct_surface', '~/overlay', '~/pose', 'initial_pose')
    assert set(shown) == {resolved(name) for name in wanted}
    assert 'rviz_default_plugins/TF' in {display['Class'] for display in rviz['Displays']}


def test_rviz_shows_the_frames_that_a_tracked_node_publishes():
    """Its fixed frame is the reference of the tracked mode, and `ct` hangs below it."""
    rviz = yaml.safe_load((ROOT / 'rviz/xray_registration.rviz').read_text())[
        'Visualization Manager'
    ]
    fixed = rviz['Global Options']['Fixed Frame']
    with running(reference_frame=fixed) as h:
        stamp_ns = h.peer.get_clock().now().nanoseconds
        h.peer.broadcaster.send(fixed, 'carm', stamp_ns, np.eye(4))
        h.peer.shoot(stamp_ns)
        h.wait(lambda: h.peer.transforms)
        assert h.peer.transforms[0].header.frame_id == fixed
