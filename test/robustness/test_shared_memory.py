"""What killed nodes leave in /dev/shm goes; what living ones hold stays."""

import fcntl
import os
import subprocess
import sys
import time

from surgical_perception.runtime.shared_memory import FOLDER, remove_orphans

OWNER = (
    "import rclpy, sys; rclpy.init(); n = rclpy.create_node('owner'); "
    "print('up', flush=True); sys.stdin.read()"
)


def segment(folder, number, age_s=60.0):
    """Write a segment of 100 bytes and its lock file, as Fast DDS names them."""
    path = folder / f'fastrtps_{number:016x}'
    lock = folder / f'{path.name}_el'
    path.write_bytes(bytes(100))
    lock.touch()
    os.utime(lock, (time.time() - age_s,) * 2)
    return path, lock


def test_only_old_segments_without_a_living_owner_go(tmp_path):
    orphan, owned, starting = (segment(tmp_path, n, age) for n, age in ((1, 60), (2, 60), (3, 0)))
    (tmp_path / f'fastrtps_{4:016x}_el').touch()
    os.utime(tmp_path / f'fastrtps_{4:016x}_el', (0, 0))  # its segment is gone already
    others = [tmp_path / name for name in ('fastrtps_port7411', 'sem.other', 'fastrtps_port_el')]
    for path in others:
        path.touch()
        os.utime(path, (0, 0))
    with owned[1].open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert remove_orphans(tmp_path) == 100
    assert sorted(tmp_path.iterdir()) == sorted([*owned, *starting, *others])
    assert not orphan[0].exists()


def test_a_machine_without_shared_memory(tmp_path):
    assert remove_orphans(tmp_path / 'none') == 0


def test_fast_dds_names_and_locks_its_segments_as_this_expects():
    """The segment of a living process stays whatever its age, and goes once it was killed."""
    owner = subprocess.Popen(
        [sys.executable, '-c', OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert owner.stdout.readline() == 'up\n'
        owned = _locked_by(owner.pid)
        assert owned
        for lock in owned:
            os.utime(lock, (0, 0))
        remove_orphans()
        assert all(lock.exists() for lock in owned)
    finally:
        owner.kill()
        owner.wait()
    remove_orphans()
    assert not any(lock.exists() for lock in owned)


def _locked_by(pid):
    """Return the lock files of segments, not of ports, that a process holds open."""
    opened = {os.readlink(fd.path) for fd in os.scandir(f'/proc/{pid}/fd')}
    return [
        path
        for path in FOLDER.glob('fastrtps_*_el')
        if 'port' not in path.name and str(path) in opened
    ]
