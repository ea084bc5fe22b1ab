"""At run time nothing leaves the machine: the nodes work where every way out is closed."""

import os
import subprocess
import sys
from pathlib import Path

from offline_node import LEFT_THE_MACHINE

PROGRAM = Path(__file__).with_name('offline_node.py')
LIMIT_S = 120
OWN_NETWORK = ['unshare', '--map-root-user', '--net']


def run(*arguments, wrapper=()):
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
    return subprocess.run(
        [*wrapper, sys.executable, str(PROGRAM), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )


def network_of_its_own():
    """Return the command that takes the network from a process, () where that is forbidden."""
    try:
        allowed = subprocess.run([*OWN_NETWORK, 'true'], capture_output=True).returncode == 0
    except FileNotFoundError:
        allowed = False
    return OWN_NETWORK if allowed else ()


def test_the_watch_sees_a_socket_that_leaves():
    ended = run('--reach-out')
    assert ended.returncode == LEFT_THE_MACHINE and '192.0.2.1' in ended.stderr


def test_both_nodes_work_without_a_network():
    wrapper = network_of_its_own()
    ended = run(*['--own-network'] * bool(wrapper), wrapper=wrapper)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip()
