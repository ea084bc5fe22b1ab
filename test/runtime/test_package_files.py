"""package.xml, setup.cfg and the other files about the package agree."""

import configparser
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

import surgical_perception
from surgical_perception.runtime.set_up.links import PACKAGE, SHARED
from surgical_perception.runtime.set_up.requirements import read_requirements

CHECKOUT = Path(__file__).resolve().parents[2]

# Name on PyPI: key of rosdep, None where rosdep has none or not the release that is needed.
ROSDEP = {
    'diffdrr': None,
    'h5py': 'python3-h5py',
    'hypothesis': 'python3-hypothesis',
    'matplotlib': 'python3-matplotlib',
    'nibabel': None,
    'numba': 'python3-numba',
    'numpy': 'python3-numpy',
    'open3d': 'python3-open3d-pip',
    'opencv-python-headless': 'python3-opencv',
    'pydicom': None,
    'pytest': 'python3-pytest',
    'pyvista': 'python3-pyvista-pip',
    'pyyaml': 'python3-yaml',
    'rich': 'python3-rich',
    'rosbags': 'python3-rosbags-pip',
    'safetensors': None,
    'scipy': 'python3-scipy',
    'SimpleITK': None,
    'torch': None,
    'typer': 'python3-typer',
}


@pytest.fixture(scope='module')
def manifest() -> ET.Element:
    return ET.parse(CHECKOUT / 'package.xml').getroot()


def keys(manifest: ET.Element, *tags: str) -> set[str]:
    return {element.text for tag in tags for element in manifest.iter(tag)}


def test_one_version(manifest):
    version = surgical_perception.__version__
    assert manifest.findtext('version') == version
    assert yaml.safe_load((CHECKOUT / 'CITATION.cff').read_text())['version'] == version
    assert re.search(rf'^{re.escape(version)} \(.*\)\n-+$', changelog(), re.MULTILINE)


def changelog() -> str:
    return (CHECKOUT / 'CHANGELOG.rst').read_text()


def test_one_name_and_licence(manifest):
    parser = configparser.ConfigParser()
    parser.read(CHECKOUT / 'setup.cfg')
    metadata = parser['metadata']
    assert manifest.findtext('name') == metadata['name'] == PACKAGE
    assert manifest.findtext('license') == metadata['license'] == 'Apache-2.0'
    assert 'Apache License' in (CHECKOUT / 'LICENSE').read_text()
    assert manifest.get('format') == '3'
    assert manifest.findtext('export/build_type') == 'ament_python'


def test_rosdep_brings_what_it_can(manifest):
    requirements = read_requirements(CHECKOUT)
    names = {line.split()[0] for line in requirements.base}
    expected = {ROSDEP[name] for name in names} - {None}
    pip_keys = {key for key in keys(manifest, 'exec_depend') if key.startswith('python3-')}
    assert pip_keys == expected


def test_what_rosdep_cannot_bring_is_named_in_the_manifest():
    text = (CHECKOUT / 'package.xml').read_text()
    for name, key in ROSDEP.items():
        assert key is not None or re.search(rf'\b{name}\b', text), name


def test_messages_of_the_wheels_are_dependencies(manifest):
    wheels = read_requirements(CHECKOUT).extras['ros-wheels']
    named = {re.match(r'ros-(?:jazzy-)?([a-z0-9-]+)', line).group(1) for line in wheels}
    messages = {name.replace('-', '_') for name in named if name.endswith(('-msgs', '-srvs'))}
    assert messages | {'rclpy', 'tf2_msgs'} <= keys(manifest, 'depend')


def test_wheels_are_pinned():
    for line in read_requirements(CHECKOUT).extras['ros-wheels']:
        assert re.fullmatch(r'ros-[a-z0-9-]+(\[[a-z]+\])? == \d+\.\d+\.\d+', line)


def test_research_use_only_is_said():
    for name in ('SECURITY.md', 'package.xml'):
        assert 'research use only' in (CHECKOUT / name).read_text().lower(), name


def test_links_and_data_files_are_the_same_folders():
    setup = (CHECKOUT / 'setup.py').read_text()
    (folders,) = re.findall(r'^FOLDERS = \((.*)\)$', setup, re.MULTILINE)
    assert set(re.findall(r"'(\w+)'", folders)) == set(SHARED) - {'package.xml'}
