"""What the doctor says of machines, environments and running graphs."""

import contextlib
import importlib.util
import threading

import faulty_bags as bags
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image

from surgical_perception import cli
from surgical_perception.doctor import command, machine
from surgical_perception.doctor.dds import dds_findings
from surgical_perception.doctor.graph import Graph, graph_findings
from surgical_perception.findings import Finding, Level
from surgical_perception.geometry.frames import LPS_FROM_RAS
from surgical_perception.geometry.se3 import inverse
from surgical_perception.ros import qos
from surgical_perception.ros.transforms import TransformBroadcaster
from surgical_perception.runtime.environment import FAST_DDS_PROFILE, PROFILE_VARIABLES

NODE = 'xray_registration_node'
S = 1_000_000_000


def levels(findings, about):
    return [(f.level, f.text) for f in findings if f.about == about]


def test_this_machine_has_all_that_nodes_need():
    findings = [*machine.machine_findings(), *machine.ros_findings()]
    assert Level.ERROR not in {finding.level for finding in findings}
    ((_, packages),) = levels(findings, 'packages')
    assert 'numba' in packages


@pytest.mark.parametrize(
    ('missing', 'words'),
    [('rclpy', 'source a ROS 2 install'), ('tf2_msgs', 'messages tf2_msgs are not installed')],
)
def test_what_is_not_installed_is_named(monkeypatch, missing, words):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        'importlib.util.find_spec', lambda name: None if name == missing else find(name)
    )
    assert any(f.level is Level.ERROR and words in f.text for f in machine.ros_findings())


@pytest.mark.parametrize(
    ('environ', 'about', 'level', 'words'),
    [
        ({}, 'DDS profile', Level.WARNING, f'export {PROFILE_VARIABLES[0]}={FAST_DDS_PROFILE}'),
        ({PROFILE_VARIABLES[0]: str(FAST_DDS_PROFILE)}, 'DDS profile', Level.OK, '16 MiB'),
        ({PROFILE_VARIABLES[1]: '/no/file.xml'}, 'DDS profile', Level.ERROR, 'cannot be read'),
        ({PROFILE_VARIABLES[0]: '{folder}/small.xml'}, 'DDS profile', Level.WARNING, '0.5 MiB'),
        ({PROFILE_VARIABLES[0]: '{folder}/udp.xml'}, 'DDS profile', Level.WARNING, 'no of shared'),
        ({'RMW_IMPLEMENTATION': 'rmw_zenoh_cpp'}, 'middleware', Level.ERROR, 'unset it'),
        ({'ROS_DOMAIN_ID': '400'}, 'domain', Level.ERROR, 'expected 0 to 232'),
        ({'ROS_DOMAIN_ID': '7'}, 'domain', Level.OK, '7, also nodes of other machines'),
        ({'ROS_LOCALHOST_ONLY': '1'}, 'domain', Level.OK, 'this machine only'),
    ],
)
def test_each_setting_of_dds_is_judged(tmp_path, environ, about, level, words):
    profile = FAST_DDS_PROFILE.read_text()
    (tmp_path / 'small.xml').write_text(profile.replace('16777216', '524288'))
    (tmp_path / 'udp.xml').write_text(profile.replace('<type>SHM</type>', '<type>TCPv4</type>'))
    environ = {name: value.format(folder=tmp_path) for name, value in environ.items()}
    ((found, text),) = levels(dds_findings(environ, tmp_path), about)
    assert found is level
    assert words in text


def test_shared_memory_that_is_missing_is_said(tmp_path):
    ((level, text),) = levels(dds_findings({}, tmp_path / 'none'), 'shared memory')
    assert level is Level.WARNING
    assert 'UDP' in text


def heard(stamp_ns=1000 * S, **changes):
    """Return a Graph in which the node says two things of itself."""
    statuses = {
        f'{NODE}: {part}': DiagnosticStatus(level=level, name=f'{NODE}: {part}', message=text)
        for part, level, text in (
            ('input', DiagnosticStatus.ERROR, 'the CT is missing'),
            ('tf', DiagnosticStatus.ERROR, 'the CT is missing'),
            ('memory', DiagnosticStatus.OK, '300 MB'),
        )
    }
    known = {'diagnostics': statuses, 'clocks_ns': {NODE: stamp_ns}}
    return Graph(nodes=[f'/theatre/{NODE}', '/other'], **(known | changes))


def test_what_a_node_says_of_itself_is_said_once():
    findings = graph_findings(heard(), 3)
    assert levels(findings, f'{NODE}: input, tf') == [(Level.ERROR, 'the CT is missing')]
    assert levels(findings, NODE) == []


@pytest.mark.parametrize(
    ('graph', 'words'),
    [
        (heard(stamp_ns=0), 'its clock stands at 0'),
        (heard(clock_ns=5000 * S), '4e+03 s away from /clock'),
        (heard(diagnostics={}), 'said nothing on /diagnostics'),
        (Graph(), 'no node was seen in 3 s'),
    ],
)
def test_clocks_and_silence_are_judged(graph, words):
    findings = graph_findings(graph, 3)
    assert any(words in f.text and f.level is not Level.OK for f in findings)
    assert graph_findings(heard(clock_ns=1001 * S), 3) == graph_findings(heard(), 3)


class Theatre:
    """A node of ours that cannot start, a tracker, and two ends that do not fit; in a thread."""

    def __enter__(self):
        self._context = Context()
        rclpy.init(context=self._context)
        self._node = Node(NODE, context=self._context)
        diagnostics = self._node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        info = self._node.create_publisher(CameraInfo, '/carm/camera_info', qos.SENSOR)
        self._node.create_publisher(Image, '/carm/image_rect', qos.SENSOR)
        self._node.create_subscription(
            Image, '/carm/image_rect', lambda _: None, QoSProfile(depth=1)
        )
        broadcaster = TransformBroadcaster(self._node)
        broadcaster.send_static([('ct', 'ct_ras', LPS_FROM_RAS)])
        camera = CameraInfo()
        camera.header.frame_id = 'carm'
        status = DiagnosticStatus(
            level=DiagnosticStatus.ERROR, name=f'{NODE}: compute', message='ct.path is empty'
        )

        def speak():
            now = self._node.get_clock().now()
            broadcaster.send('patient', 'carm', now.nanoseconds, LPS_FROM_RAS)
            broadcaster.send('patient', 'ct', now.nanoseconds, inverse(LPS_FROM_RAS))
            array = DiagnosticArray(status=[status])
            array.header.stamp = now.to_msg()
            diagnostics.publish(array)
            info.publish(camera)

        self._node.create_timer(0.1, speak)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()
        return self

    def _spin(self):
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    def __exit__(self, *exception):
        self._executor.shutdown()
        self._thread.join()
        self._node.destroy_node()
        rclpy.try_shutdown(context=self._context)


def test_a_running_graph_is_examined_and_its_frames_are_drawn(tmp_path, capsys):
    picture = tmp_path / 'pictures' / 'frames.png'
    with Theatre():
        code = cli.main(['doctor', '--seconds', '4', '--frames', str(picture)])
    text = capsys.readouterr().out
    assert code == 1, text
    for words in (
        '1280x1024 colour at 30 Hz to another process',
        f'{NODE}: compute: ct.path is empty',
        f'/carm/image_rect: nothing gets from {NODE} to {NODE}',
        'patient\n├─ carm  (moving, ',
        '└─ ct  (moving',
        '   └─ ct_ras  (static, 0 mm)',
        f'Look at {picture}',
    ):
        assert words in text, text
    assert picture.read_bytes().startswith(b'\x89PNG')


def test_frames_of_a_bag_are_drawn(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, '_probed', lambda _console: Finding(Level.OK, 'images', 'came'))
    bag = bags.write(tmp_path / 'bag', bags.carm_items(1))
    picture = tmp_path / 'frames.png'
    assert cli.main(['doctor', '--bag', str(bag), '--frames', str(picture)]) == 0
    assert 'patient\n└─ carm  (moving, 20 Hz' in capsys.readouterr().out
    assert picture.read_bytes().startswith(b'\x89PNG')
    assert cli.main(['doctor', '--bag', '/nowhere', '--frames', str(picture)]) == 2
    assert '/nowhere: is no readable bag' in capsys.readouterr().err


def test_without_ros_and_with_a_section_that_fails_it_goes_on(monkeypatch, capsys, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        'importlib.util.find_spec', lambda name: None if name == 'rclpy' else find(name)
    )

    def broken():
        raise RuntimeError('no such sensor')

    monkeypatch.setattr(command, 'machine_findings', broken)
    assert cli.main(['doctor', '--frames', str(tmp_path / 'frames.png')]) == 1
    text = capsys.readouterr().out
    assert 'the examination failed: RuntimeError: no such sensor' in text
    assert 'rclpy is not installed' in text
    assert 'DDS profile' in text
    assert 'running now' not in text
