"""Replay and record as processes over real DDS: nothing lost, clean ends."""

import signal
import subprocess
import sys
import time

import pytest

from surgical_perception.bags import BagReader, BagWriter, message_class, read_messages

REPLAY = [sys.executable, '-m', 'surgical_perception.ros.replay']
RECORD = [sys.executable, '-m', 'surgical_perception.ros.record']
START_NS = 1_700_000_000_000_000_000
LIMIT_S = 40


def process(command, **parameters):
    flags = [part for name, value in parameters.items() for part in ('-p', f'{name}:={value}')]
    return subprocess.Popen(
        [*command, '--ros-args', *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(child):
    """Return (exit code, output) of a process that ends by itself."""
    try:
        output, _ = child.communicate(timeout=LIMIT_S)
    finally:
        child.kill()
    return child.returncode, output


def wait_for_line(child, words):
    """Read the output of a process up to the line that holds `words`."""
    lines = []
    for line in child.stdout:
        lines.append(line)
        if words in line:
            return
    pytest.fail(f'{words!r} never came:\n{"".join(lines)}')


@pytest.fixture
def bag(tmp_path):
    """Return a bag of 150 messages over 0.3 s and one latched message."""
    path = tmp_path / 'in'
    string = message_class('std_msgs/msg/String')
    with BagWriter(path) as writer:
        writer.add_topic('/fast', 'std_msgs/msg/String')
        writer.add_topic('/lossy', 'std_msgs/msg/String', reliable=False)
        writer.add_topic('/latched', 'std_msgs/msg/String', transient_local=True, depth=1)
        writer.write('/latched', START_NS, string(data='latched'))
        for i in range(150):
            writer.write('/fast', START_NS + i * 2_000_000, string(data=f'message {i}'))
        writer.write('/lossy', START_NS + 300_000_000, string(data='lossy'))
    return path


def test_every_byte_that_is_replayed_is_recorded(tmp_path, bag):
    record = process(
        RECORD,
        out=tmp_path / 'out',
        topics="['/fast','/latched','/lossy','/clock']",
        until_gone='/clock',
        silence_s=0.5,
    )
    replay = process(REPLAY, bag=bag, rate=1, wait_s=30.0)
    replay_code, replay_output = finished(replay)
    record_code, record_output = finished(record)
    assert (replay_code, record_code) == (0, 0), replay_output + record_output

    with BagReader(bag) as sent, BagReader(tmp_path / 'out') as received:
        for topic in sent.topics:
            for (_, _, came), (_, _, went) in zip(
                received.raw([topic]), sent.raw([topic]), strict=True
            ):
                # DDS pads a payload to a multiple of four bytes.
                assert came[: len(went)] == went
                assert len(came) - len(went) < 4
        assert received.topics['/latched'].transient_local
        assert not received.topics['/lossy'].reliable
    clock = [m.clock for _, _, m in read_messages(tmp_path / 'out', ['/clock'])]
    times = [c.sec * 10**9 + c.nanosec for c in clock]
    assert times == sorted(times)
    assert times[-1] == START_NS + 300_000_000


def test_replay_names_the_topics_that_nobody_listens_to(bag):
    code, output = finished(process(REPLAY, bag=bag, wait_s=0.1))
    assert code == 0
    assert 'nobody listens to /fast, /latched, /lossy' in ' '.join(output.split())


@pytest.mark.parametrize('stop', [signal.SIGINT, signal.SIGTERM])
def test_interrupted_recording_is_complete_and_exits_with_0(tmp_path, bag, stop):
    record = process(RECORD, out=tmp_path / 'out', topics="['/fast']")
    replay = process(REPLAY, bag=bag, wait_s=2.0, loop=True)
    wait_for_line(replay, 'played 152 messages')
    for child in (record, replay):
        child.send_signal(stop)
    began = time.monotonic()
    (record_code, record_output), (replay_code, replay_output) = finished(record), finished(replay)
    assert time.monotonic() - began < 3
    assert (record_code, replay_code) == (0, 0), record_output + replay_output
    assert 'Traceback' not in record_output + replay_output
    words = [message.data for _, _, message in read_messages(tmp_path / 'out', ['/fast'])]
    assert len(words) > 100
    assert words == [f'message {i % 150}' for i in range(len(words))]


@pytest.mark.parametrize(
    ('command', 'parameters', 'reason'),
    [
        (REPLAY, {}, 'bag is empty'),
        (REPLAY, {'bag': '/nowhere/bag'}, '/nowhere/bag'),
        (REPLAY, {'bag': '/nowhere/bag', 'rate': -1.0}, 'rate is -1.0'),
        (RECORD, {'topics': "['/x']"}, 'out not given'),
        (RECORD, {'topics': "['/x']", 'out': '/proc/bag'}, '/proc/bag'),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(command, parameters, reason):
    code, output = finished(process(command, **parameters))
    assert code == 2
    assert reason in output
    assert 'Traceback' not in output
