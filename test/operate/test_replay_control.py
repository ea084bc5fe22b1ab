"""A replay that is paused, stepped, looped and left alone: the command, over real DDS."""

import os
import pty
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from ros_harness import TIMEOUT_S, seems_ready
from rosbags.typesys import get_types_from_msg
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from surgical_perception import bag_messages, cli
from surgical_perception.bags import BagWriter, message_class, typestore
from surgical_perception.ros import stamps

START_NS = 1_700_000_000_000_000_000
IMAGES = 4
PERIOD_NS = 200_000_000


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    """Return a bag of four images, twenty texts, a log and a type of somebody's own."""
    path = tmp_path_factory.mktemp('bag') / 'clip'
    string = message_class('std_msgs/msg/String')
    own = get_types_from_msg('uint8 x', 'own_msgs/msg/Own')
    typestore.register(own)
    with BagWriter(path) as writer:
        writer.add_topic('/image', 'sensor_msgs/msg/Image')
        writer.add_topic('/rosout', 'rcl_interfaces/msg/Log')
        for name in ('/text', '/unheard'):
            writer.add_topic(name, 'std_msgs/msg/String')
        writer.add_topic('/own', 'own_msgs/msg/Own')
        for i in range(5 * IMAGES):
            at = START_NS + i * PERIOD_NS // 5
            if i % 5 == 1:
                picture = bag_messages.image(at, 'camera', np.full((2, 2), i, np.uint8), 'mono8')
                writer.write('/image', at, picture)
            writer.write('/text', at, string(data=str(i)))
        writer.write('/unheard', START_NS, string(data='nobody listens'))
        writer.write('/own', START_NS, message_class('own_msgs/msg/Own')(x=1))
    for name in own:
        del typestore.types[name]
    return path


class Listener:
    """`surgical-perception replay` on a terminal, and what a subscriber gets of it."""

    def __init__(self, *words):
        self.keys, terminal = pty.openpty()
        command = [sys.executable, '-m', 'surgical_perception.cli', 'replay', *map(str, words)]
        self.process = subprocess.Popen(
            command,
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        os.close(terminal)
        self.context = Context()
        rclpy.init(context=self.context)
        self.node = Node('listener', context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.images, self.texts, self.times = [], [], []
        for kind, topic, take in (
            (Image, '/image', lambda m: self.images.append(m.data[0])),
            (String, '/text', lambda m: self.texts.append(int(m.data))),
            (Clock, '/clock', lambda m: self.times.append(stamps.to_ns(m.clock))),
        ):
            self.node.create_subscription(kind, topic, take, 100)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.communicate()
        os.close(self.keys)
        self.executor.remove_node(self.node)
        self.node.destroy_node()
        self.executor.shutdown()
        rclpy.try_shutdown(context=self.context)

    def wait(self, condition):
        deadline = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < deadline, (self.images, self.texts, self.times[-1:])
            self.executor.spin_once(timeout_sec=0.02)

    def ticks(self, count=8):
        """Wait for some ticks of /clock."""
        seen = len(self.times)
        self.wait(lambda: len(self.times) >= seen + count)

    def press(self, keys):
        os.write(self.keys, keys.encode())

    def call(self, client, request):
        self.wait(seems_ready(client))
        future = client.call_async(request)
        self.wait(future.done)
        assert future.result().success
        return future.result().message

    def ended(self):
        self.wait(lambda: self.process.poll() is not None)
        return self.process.returncode, self.process.stdout.read()


def test_keys_pause_step_and_go_on(bag):
    with Listener(bag, '--paused') as listener:
        listener.ticks()
        assert listener.texts == []
        assert set(listener.times) == {START_NS}
        listener.press('s')
        # All that follows an image, up to where the next is due: transforms must not be missing.
        listener.wait(lambda: listener.times[-1] == START_NS + PERIOD_NS + PERIOD_NS // 5)
        listener.ticks()
        assert (listener.images, listener.texts) == ([1], [0, 1, 2, 3, 4, 5])
        listener.press('s')
        listener.wait(lambda: listener.times[-1] == START_NS + 2 * PERIOD_NS + PERIOD_NS // 5)
        assert listener.images == [1, 6]
        listener.press(' ')
        code, output = listener.ended()
        assert (code, listener.images[:3]) == (0, [1, 6, 11]), output
        assert listener.texts == list(range(5 * IMAGES))
        assert listener.times == sorted(listener.times)
        assert 'space: pause or go on' in output
        assert 'left out: /own (own_msgs/msg/Own is not installed)' in ' '.join(output.split())
        assert 'nobody listens to /unheard' in output
        assert 'Traceback' not in output


def test_services_pause_and_step_and_a_loop_goes_on_until_ctrl_c(bag):
    words = ['--paused', '--loop', '--rate', '20', '--topic', '/image', '--topic', '/text']
    with Listener(bag, *words) as listener:
        pause = listener.node.create_client(SetBool, '/replay_node/pause')
        step = listener.node.create_client(Trigger, '/replay_node/step')
        listener.ticks()
        assert listener.call(step, Trigger.Request()).startswith('playing at 1700000000.0')
        listener.wait(lambda: listener.texts[-1:] == [5])
        assert listener.call(pause, SetBool.Request(data=True)).startswith('paused at')
        listener.call(pause, SetBool.Request(data=False))
        listener.wait(lambda: listener.texts.count(19) >= 3)
        assert min(np.diff(listener.times)) < 0  # the clock jumps back
        listener.process.send_signal(signal.SIGINT)
        code, output = listener.ended()
        assert code == 130, output
        assert 'Traceback' not in output


@pytest.mark.parametrize(
    ('words', 'reason'),
    [
        (['/nowhere'], '/nowhere: is no readable bag'),
        (['{bag}', '--rate', '0'], 'rate is 0.0, expected 0.01 to 100'),
        (['{bag}', '--topic', '/missing'], 'has no topic /missing, but /image'),
        (['{bag}', '--topic', '/own'], 'own_msgs/msg/Own is not installed'),
        (['{bag}', '--wait', '-1'], 'wait_s is -1.0, expected 0 to 3600 s'),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(bag, words, reason, capsys):
    assert cli.main(['replay', *(word.format(bag=bag) for word in words)]) == 2
    said = capsys.readouterr().err
    assert reason in said
    assert said.count('\n') == 1
