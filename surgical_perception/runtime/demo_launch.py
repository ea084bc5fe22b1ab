"""Run a launch file to its end for a demo: in a DDS domain of its own, logged, always ended."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress

from surgical_perception.errors import InputError
from surgical_perception.runtime.environment import in_ros_install, node_environment
from surgical_perception.runtime.launch.packages import package_share

PACKAGE = 'surgical_perception'

_END_S = 10


def launch(console, launch_file, arguments, log, limit_s):
    """
    Run a launch file of this package until it ends; its lines go to the terminal and to a log.

    console         rich's, for the terminal
    launch_file     name of the file in the package's launch folder
    arguments       {name: value} of the file
    log             path of a text file
    limit_s         a graph that hangs is ended after it

    Raises InputError where a node failed.
    """
    command = [*_launcher(launch_file), *(f'{name}:={value}' for name, value in arguments.items())]
    environment = node_environment() | _own_domain()
    console.print(f'starting the nodes (ROS_DOMAIN_ID={environment["ROS_DOMAIN_ID"]})')
    with log.open('w', encoding='utf-8') as stream:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches the nodes once, through _end
        )
        limit = threading.Timer(limit_s, _end, [process])
        limit.start()
        try:
            for line in process.stdout:
                stream.write(line)
                console.print(
                    line.rstrip(), style='dim', markup=False, highlight=False, soft_wrap=True
                )
            code = process.wait(_END_S)
        finally:
            limit.cancel()
            _end(process)
    if code:
        raise InputError(f'a node failed (exit code {code}): see {log}')


def _launcher(launch_file):
    """Return the command that launches: ROS 2's where there is one, else our runner."""
    if in_ros_install() and shutil.which('ros2'):
        return ['ros2', 'launch', PACKAGE, launch_file]
    path = package_share(PACKAGE) / 'launch' / launch_file
    return [sys.executable, '-m', 'surgical_perception.runtime.launch_runner', str(path)]


def _own_domain():
    """Keep the demo's patient away from any robot: this machine, its own domain."""
    domain = os.environ.get('ROS_DOMAIN_ID') or str(os.getpid() % 100 + 1)
    return {'ROS_DOMAIN_ID': domain, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}


def _end(process):
    """End the launch and all that it started; the launch alone is asked first."""
    for end in (
        lambda: process.send_signal(signal.SIGINT),
        lambda: os.killpg(process.pid, signal.SIGTERM),
        lambda: os.killpg(process.pid, signal.SIGKILL),
    ):
        if process.poll() is not None:
            return
        end()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
