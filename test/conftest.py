"""What every test shares: real data, reproducible properties, one thread, its own DDS domain."""

import configparser
import os
import re
import sys
from pathlib import Path

# Set before rclpy is imported anywhere: tests must not talk to a robot on the same network, nor
# to another test run on the same machine.
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ.setdefault('ROS_DOMAIN_ID', str(os.getpid() % 100 + 1))

import pytest
import torch
from hypothesis import settings

from surgical_perception.runtime.launch.interpreter import interpret

# One thread each: timings stay comparable and small tensors do not pay for a thread pool.
torch.set_num_threads(1)

# The first example may compile a kernel, hence no deadline; derandomised, so that a failure in
# one place fails everywhere.
settings.register_profile('surgical_perception', deadline=None, derandomize=True)
settings.load_profile('surgical_perception')

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGE = 'surgical_perception'


@pytest.fixture(scope='session')
def data_dir() -> Path:
    """
    Folder of the real data sets, from SURGICAL_PERCEPTION_DATA or ../shared/data.

    Skips the test where neither exists; a SURGICAL_PERCEPTION_DATA that is no folder fails it.
    """
    named = os.environ.get('SURGICAL_PERCEPTION_DATA')
    if named is not None:
        path = Path(named)
        assert path.is_dir(), f'SURGICAL_PERCEPTION_DATA is no folder: {path}'
        return path
    path = CHECKOUT.parent / 'shared' / 'data'
    if not path.is_dir():
        pytest.skip('real data: set SURGICAL_PERCEPTION_DATA to their folder')
    return path


def _console_scripts():
    """Return the lines `name = module:function` of setup.cfg."""
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / 'setup.cfg')
    return setup['options.entry_points']['console_scripts'].strip().splitlines()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Lay the checkout out as an installed package, and let launch find it."""
    prefix = tmp_path / 'prefix'
    share, programs = (prefix / part / PACKAGE for part in ('share', 'lib'))
    markers = prefix / 'share/ament_index/resource_index/packages'
    for folder in (share, programs, markers):
        folder.mkdir(parents=True)
    (markers / PACKAGE).touch()
    for name in ('launch', 'config', 'rviz'):
        (share / name).symlink_to(CHECKOUT / name)
    profile = Path('surgical_perception/runtime/fastdds_shm.xml')
    (share / profile.name).symlink_to(CHECKOUT / profile)
    for line in _console_scripts():
        name, module, function = re.split(r'\s*[=:]\s*', line)
        program = programs / name
        code = f'import sys; from {module} import {function}; sys.exit({function}())'
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}" "$@"\n')
        program.chmod(0o755)
    paths = [str(prefix), *filter(None, [os.environ.get('AMENT_PREFIX_PATH')])]
    monkeypatch.setenv('AMENT_PREFIX_PATH', os.pathsep.join(paths))
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(CHECKOUT), *sys.path]))


@pytest.fixture
def launched(installed):
    """Return a function that interprets a launch file of the package: (file, arguments)."""
    return lambda file, **arguments: interpret(CHECKOUT / 'launch' / file, arguments).nodes
