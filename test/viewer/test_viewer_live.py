"""The viewer's node on real topics, and the viewer's process."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from ros_harness import running_node
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker

from surgical_perception.errors import InputError
from surgical_perception.ros import qos
from surgical_perception.viewer import sdk, viewer_process
from surgical_perception.viewer.live import ViewerNode

rr = pytest.importorskip('rerun', reason='rerun-sdk (extra `view`) is not installed')


class Talker(Node):
    """Publishes a camera, a transform, a latched marker, and what nobody draws."""

    def __init__(self, context):
        super().__init__('talker', context=context)
        self.info = self.create_publisher(CameraInfo, '/carm/camera_info', qos.SENSOR)
        self.tf = self.create_publisher(TFMessage, '/tf', 100)
        self.words = self.create_publisher(String, '/words', 1)
        self.surface = self.create_publisher(Marker, '/surface', qos.LATCHED)
        self.surface.publish(Marker(type=Marker.TRIANGLE_LIST))

    def talk(self):
        info = CameraInfo(width=64, height=48)
        info.header.frame_id = 'carm_optical'
        info.k[0] = info.k[4] = 300.0
        self.info.publish(info)
        transform = TransformStamped(child_frame_id='carm_optical')
        transform.header.frame_id = 'patient'
        self.tf.publish(TFMessage(transforms=[transform]))


def test_topics_are_drawn_as_they_appear(tmp_path):
    recording = rr.RecordingStream('test')
    recording.save(tmp_path / 'live.rrd')
    make_node = functools.partial(ViewerNode, recording)
    with running_node(make_node, Talker, connect=False) as harness:
        node, talker = harness.node, harness.peer
        # Best effort and latched publishers are matched alike.
        harness.wait(lambda: talker.info.get_subscription_count() == 1)
        harness.wait(lambda: talker.tf.get_subscription_count() == 1)
        harness.wait(lambda: node.count >= 1)  # the marker that was published before
        seen = node.count
        talker.talk()
        harness.wait(lambda: node.count >= seen + 2)
        assert talker.words.get_subscription_count() == 0
        harness.wait(lambda: node.root_frame == 'patient')
    recording.flush()
    recording.disconnect()
    verified = [str(Path(sys.executable).with_name('rerun')), 'rrd', 'verify']
    subprocess.run([*verified, str(tmp_path / 'live.rrd')], check=True, capture_output=True)


def test_the_viewer_sends_no_statistics_and_listens_on_this_machine_only():
    with viewer_process._configuration() as environment:
        folder = Path(environment['XDG_CONFIG_HOME'])
        assert folder != Path(os.environ.get('XDG_CONFIG_HOME', Path.home() / '.config'))
        (settings,) = folder.rglob('analytics.json')
        assert json.loads(settings.read_text())['analytics_enabled'] is False
    assert not folder.exists()
    command = viewer_process._command(1234)
    assert command[command.index('--bind') + 1] == '127.0.0.1'


def test_without_rerun_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'rerun', None)
    with pytest.raises(InputError, match='extra `view`'):
        sdk.rerun_sdk()


def test_a_viewer_that_ends_at_once_is_one_sentence(monkeypatch):
    monkeypatch.setattr(viewer_process, '_command', lambda port: [sys.executable, '-c', ''])
    with pytest.raises(InputError, match='--save'), viewer_process.viewer():
        pytest.fail('there is no viewer')
