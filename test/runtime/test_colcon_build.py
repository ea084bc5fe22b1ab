"""`colcon build` puts everything where ROS looks for it."""

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from surgical_perception.runtime.launch.packages import find_executable, package_share

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGE = 'surgical_perception'
SOURCES = ('surgical_perception', 'xray_registration', 'surg_invnerf', 'launch', 'config', 'rviz')
FILES = ('package.xml', 'setup.py', 'setup.cfg', 'pyproject.toml', 'resource', 'README.md')


@pytest.fixture(scope='module')
def prefix(tmp_path_factory) -> Path:
    """Install folder of the package, built by colcon from a copy of the sources."""
    colcon = shutil.which('colcon', path=os.pathsep.join([bin_folder(), os.environ['PATH']]))
    if colcon is None:
        pytest.skip('colcon is not installed: pip install colcon-common-extensions')
    workspace = tmp_path_factory.mktemp('workspace')
    source = workspace / 'src' / PACKAGE
    source.mkdir(parents=True)
    for name in (*SOURCES, *FILES):
        copy(CHECKOUT / name, source / name)
    run = subprocess.run(
        [colcon, 'build', '--event-handlers', 'console_direct+'],
        cwd=workspace,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert '1 package finished' in run.stdout, 'tf2_msgs must not be built as well'
    return workspace / 'install' / PACKAGE


def bin_folder() -> str:
    return str(Path(sys.executable).parent)


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns('__pycache__'))
    elif source.exists():
        shutil.copy(source, target)


@pytest.fixture(scope='module')
def environ(prefix) -> dict[str, str]:
    return {'AMENT_PREFIX_PATH': str(prefix)}


def test_the_index_knows_the_package(prefix, environ):
    assert package_share(PACKAGE, environ) == prefix / 'share' / PACKAGE


@pytest.mark.parametrize('folder', ['launch', 'config', 'rviz'])
def test_data_files(prefix, environ, folder):
    expected = {path.name for path in (CHECKOUT / folder).glob('*') if path.is_file()}
    installed = package_share(PACKAGE, environ) / folder
    assert {path.name for path in installed.glob('*')} == expected


def test_manifest_and_dds_profile(environ):
    share = package_share(PACKAGE, environ)
    assert (share / 'package.xml').read_text() == (CHECKOUT / 'package.xml').read_text()
    assert (share / 'fastdds_shm.xml').is_file()


def test_executables_are_found_as_ros2_run_finds_them(environ):
    parser = configparser.ConfigParser()
    parser.read(CHECKOUT / 'setup.cfg')
    scripts = parser['options.entry_points']['console_scripts'].strip().splitlines()
    for script in scripts:
        name = script.split('=')[0].strip()
        assert os.access(find_executable(PACKAGE, name, environ), os.X_OK)


def test_all_packages_are_installed_with_their_own_files(prefix):
    (site,) = prefix.glob('lib/python3*/site-packages')
    for package in ('surgical_perception', 'xray_registration', 'surg_invnerf'):
        assert modules(site / package) == modules(CHECKOUT / package)
    assert (site / PACKAGE / 'runtime/tf2_msgs/msg/TFMessage.msg').is_file()
    assert (site / PACKAGE / 'runtime/fastdds_shm.xml').is_file()


def modules(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob('*.py')}
