"""Starts, kills, interrupts and re-configures the real node, with a CT that costs little."""

import gc
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from node_harness import Peer
from node_process import END_TIMEOUT_S, NodeProcess
from ros_harness import values
from small_ct import write_small_ct

from surgical_perception.geometry import frames, se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.runtime.shared_memory import FOLDER
from xray_registration.simulation.siddon import project
from xray_registration.volume.attenuation import AttenuationConfig
from xray_registration.volume.loader import load_ct

CAMERA = PinholeCamera.from_carm(96, 96, sdd_mm=1020, du_mm=3.1)
SHOT_PERIOD_S = 0.1
# What a signal leads to that comes before the first line of the program, while Python itself
# starts, and until when that is so.
TOO_EARLY, EARLY_S = (1, -signal.SIGINT, -signal.SIGTERM), 1.0


class Scene(NamedTuple):
    """A CT file, an X-ray of it [H, W] uint16, and the parameters with which a node finds it."""

    ct_path: Path
    counts: np.ndarray
    parameters: tuple


def make_scene(folder):
    """Write a small CT, and project it without our renderer from near a standard position."""
    path = write_small_ct(folder / 'phantom.nii')
    ct = load_ct(path)
    standard = frames.carm_from_ct_at('AP', ct.isocentre_m, 0.75)
    carm_from_ct = se3.perturb([0.003, -0.004, 0.006, 0.03, -0.02, 0.04], standard, [0, 0, 0.75])
    integrals = project(ct, CAMERA, carm_from_ct, AttenuationConfig())
    counts = np.clip(40000 * np.exp(-integrals / 2), 1, 65535)
    start = [float(number) for part in se3.to_quaternion(standard) for number in part]
    parameters = (f'ct.path:={path}', 'init:=parameter', f'init_pose:={start}')
    return Scene(path, counts.astype(np.uint16), parameters)


class NodeUnderTest(NodeProcess):
    """The executable in a process of its own, with a peer that sends it X-rays."""

    def __init__(self, scene, log):
        self.began_s = time.monotonic()
        os.environ['PYTHONFAULTHANDLER'] = '1'  # a crash says where
        super().__init__('xray_registration.main', Peer, log, *scene.parameters)
        self._counts = scene.counts
        self._stamp_ns = self.peer.get_clock().now().nanoseconds

    def shoot(self):
        """Send an X-ray with a new stamp."""
        self._stamp_ns += 1
        self.peer.shoot(self._stamp_ns, self._counts, CAMERA)

    @property
    def has_registered(self):
        """Whether a registration has come out, of whatever verdict."""
        return any('similarity' in values(status) for status in self.peer.statuses)

    def seconds_to_a_result(self):
        """Wait for a registration; return the seconds since the start of the process."""
        self.shoot_until(lambda: self.has_registered, self.shoot)
        return time.monotonic() - self.began_s

    def spin_until(self, when_s):
        """Receive messages until a time of the steady clock; the node may end meanwhile."""
        while (left_s := when_s - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left_s)

    def work_until(self, moment_s):
        """Send X-rays until a moment after the start, whether the node takes them or not."""
        end_s = self.began_s + moment_s
        while time.monotonic() < end_s:
            self.shoot()
            self.spin_until(min(time.monotonic() + SHOT_PERIOD_S, end_s))


class Killed(NamedTuple):
    """One kill at a moment after the start, and what the next start made of it."""

    moment_s: float
    had_registered: bool
    restart_s: float  # until the next process has registered
    shared_memory_mb: float


class Interrupted(NamedTuple):
    """One Ctrl-C at a moment after the start, and how the process ended."""

    moment_s: float
    had_registered: bool
    end_s: float
    exit_code: int
    output: str

    @property
    def clean(self):
        """Whether it ended as it should: 0 and no word of a crash, or before it had begun."""
        if self.exit_code in TOO_EARLY:
            return self.moment_s < EARLY_S
        return self.exit_code == 0 and 'Traceback' not in self.output


def kill_and_restart(scene, log, moment_s):
    """Kill a node (SIGKILL) at a moment, start it again until it registers; return a Killed."""
    first = NodeUnderTest(scene, log)
    try:
        first.work_until(moment_s)
        had_registered = first.has_registered
        first.process.kill()
        first.process.wait()
    finally:
        first.close()
    second = NodeUnderTest(scene, log)
    try:
        restart_s = second.seconds_to_a_result()
        assert second.interrupt() == 0, second.output()
    finally:
        second.close()
    return Killed(moment_s, had_registered, restart_s, shared_memory_mb())


def interrupt(scene, log, moment_s, number=signal.SIGINT):
    """Send Ctrl-C to a node at a moment; return an Interrupted."""
    node = NodeUnderTest(scene, log)
    try:
        node.work_until(moment_s)
        had_registered = node.has_registered
        node.process.send_signal(number)
        sent_s = time.monotonic()
        try:
            code = node.process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            code = None
        end_s = time.monotonic() - sent_s
        return Interrupted(moment_s, had_registered, end_s, code, node.output())
    finally:
        node.close()


def seconds_to_a_result(scene, log):
    """Return how long an undisturbed start takes until its first result."""
    node = NodeUnderTest(scene, log)
    try:
        return node.seconds_to_a_result()
    finally:
        node.interrupt()
        node.close()


def shared_memory_mb():
    """Return what Fast DDS holds in /dev/shm, of all processes of this machine."""
    return sum(path.stat().st_size for path in FOLDER.glob('fastrtps_*')) / 1e6


class Footprint(NamedTuple):
    """What a process holds."""

    resident_mb: float
    threads: int
    files: int


def footprint_of(pid='self'):
    """Return the Footprint of a process."""
    status = Path(f'/proc/{pid}/status').read_text(encoding='ascii')
    found = dict(line.split(':', 1) for line in status.splitlines())
    return Footprint(
        float(found['VmRSS'].split()[0]) / 1e3,
        int(found['Threads']),
        len(os.listdir(f'/proc/{pid}/fd')),
    )


def configure_cycles(node, count, said=lambda _: None):
    """Configure, activate, deactivate and clean up a node; return the Footprint after each."""
    found = []
    for number in range(count):
        for transition in ('configure', 'activate', 'deactivate', 'cleanup'):
            getattr(node, f'trigger_{transition}')()
            assert not node.failure, node.failure
        gc.collect()
        found.append(footprint_of())
        said(f'cycle {number + 1}: {found[-1].resident_mb:.1f} MB')
    return found
