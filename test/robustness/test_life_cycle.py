"""
Kills, Ctrl-C and re-configurations of the real node; benchmarks/reliability.py does more of them.
"""

import signal

import pytest
from life_cycles import configure_cycles, interrupt, kill_and_restart, make_scene
from node_harness import Peer
from ros_harness import running_node

from xray_registration.node import XrayRegistrationNode

# The first cycles fill caches: kernels, fonts of the log, DDS's pools.
WARM_UP = 4


@pytest.fixture(scope='module')
def scene(tmp_path_factory):
    return make_scene(tmp_path_factory.mktemp('scene'))


@pytest.mark.parametrize('moment_s', [0.6, 2.5, 6.0])
def test_after_a_kill_the_next_start_registers(scene, tmp_path, moment_s):
    cycle = kill_and_restart(scene, tmp_path / 'node.log', moment_s)
    assert cycle.restart_s > 0


@pytest.mark.parametrize(
    ('moment_s', 'number'),
    [(0.9, signal.SIGINT), (1.7, signal.SIGINT), (3.0, signal.SIGTERM), (6.0, signal.SIGINT)],
)
def test_ctrl_c_ends_the_node_at_any_moment(scene, tmp_path, moment_s, number):
    ended = interrupt(scene, tmp_path / 'node.log', moment_s, number)
    assert ended.clean, (ended.exit_code, ended.output)


def test_configure_to_cleanup_keeps_nothing(scene):
    parameters = {'ct__path': str(scene.ct_path), 'autostart': False}
    with running_node(XrayRegistrationNode, Peer, connect=False, **parameters) as h:
        cycles = configure_cycles(h.node, WARM_UP + 8)[WARM_UP:]
        first, last = cycles[0], cycles[-1]
        assert last.threads == first.threads
        assert last.files == first.files
        # The CT of this test and its grids take 4 MB: one that stayed each time would be seen.
        assert last.resident_mb - first.resident_mb < 10, cycles
