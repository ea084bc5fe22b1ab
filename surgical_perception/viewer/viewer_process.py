"""The viewer's own process: bound to this machine, and silent towards the network."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

from surgical_perception.errors import InputError
from surgical_perception.viewer.sdk import rerun_sdk

_LOOPBACK = '127.0.0.1'
_START_S = 30.0
_POLL_S = 0.1


def show_file(path):
    """Open a recording and wait until the viewer is closed; return its exit code."""
    with _configuration() as environment:
        return subprocess.run([*_command(_free_port()), str(path)], env=environment).returncode


@contextmanager
def viewer():
    """Start an empty viewer; yield (process, address to send a recording to)."""
    port = _free_port()
    with _configuration() as environment:
        process = subprocess.Popen(_command(port), env=environment)
        try:
            _wait_until_open(process, port)
            yield process, f'rerun+http://{_LOOPBACK}:{port}/proxy'
        finally:
            process.terminate()
            process.wait()


@contextmanager
def _configuration():
    """
    Yield an environment in which the viewer sends no usage statistics.

    Its settings are those of a folder of our own: the user's stay as they are.
    """
    with tempfile.TemporaryDirectory(prefix='viewer-') as folder:
        environment = {**os.environ, 'XDG_CONFIG_HOME': folder}
        disabled = subprocess.run(
            [_executable(), 'analytics', 'disable'], env=environment, capture_output=True
        )
        if disabled.returncode != 0:
            raise InputError(
                f'rerun would not turn its usage statistics off: {disabled.stderr.decode()}'
            )
        yield environment


def _command(port):
    return [_executable(), '--bind', _LOOPBACK, '--port', str(port), '--hide-welcome-screen']


def _executable():
    rerun_sdk()
    beside = Path(sys.executable).with_name('rerun')
    found = str(beside) if beside.exists() else shutil.which('rerun')
    if not found:
        raise InputError('the viewer `rerun` is not beside this Python: install rerun-sdk again')
    return found


def _free_port():
    with closing(socket.socket()) as probe:
        probe.bind((_LOOPBACK, 0))
        return probe.getsockname()[1]


def _wait_until_open(process, port):
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise InputError(
                'the viewer ended at once: without a display, write a file with --save and open '
                'it on another machine'
            )
        with closing(socket.socket()) as probe:
            if probe.connect_ex((_LOOPBACK, port)) == 0:
                return
        time.sleep(_POLL_S)
    raise InputError(f'the viewer did not open port {port} within {_START_S:g} s')
