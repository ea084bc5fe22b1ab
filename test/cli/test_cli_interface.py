"""The listed public interface of command line, bag nodes and demo launch file is the real one."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import typer
import yaml

import surgical_perception
from surgical_perception import cli
from surgical_perception.parameters import flatten
from surgical_perception.ros.record import RecordNode, RecordParameters
from surgical_perception.ros.replay import ReplayNode, ReplayParameters
from xray_registration.demo import bag, evaluate, run

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGE = Path(surgical_perception.__file__).parent
INTERFACE = yaml.safe_load((PACKAGE / 'interface.yaml').read_text())


def flags_of(command):
    return [p.opts[0] for p in command.params if p.opts[0] != '--help']


def flags_below(name, command):
    """Return {words: flags} of a command and of its verbs; a bare group has none to list."""
    found = {name: flags_of(command)} if flags_of(command) else {}
    for verb, below in getattr(command, 'commands', {}).items():
        found |= flags_below(f'{name} {verb}', below)
    return found


def test_help_waits_for_no_library():
    """A verb imports what it needs when it runs: `--help` must answer at once."""
    heavy = ('numpy', 'rosbags', 'rclpy', 'matplotlib', 'surg_invnerf', 'xray_registration')
    check = f'import sys, surgical_perception.cli; print([m for m in {heavy} if m in sys.modules])'
    done = subprocess.run(
        [sys.executable, '-c', check], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == '[]'


def test_flags_are_those_that_are_listed():
    found = flags_below(cli.PROGRAM, typer.main.get_command(cli.app))
    assert found == INTERFACE['command_line']


@pytest.mark.parametrize(
    ('node', 'parameters'), [(ReplayNode, ReplayParameters), (RecordNode, RecordParameters)]
)
def test_bag_node_parameters_are_those_that_are_listed(node, parameters):
    assert list(flatten(parameters)) == INTERFACE[node.NAME]['parameters']


def test_demo_launch_file_agrees_with_the_bag_and_the_evaluation():
    assert INTERFACE['demo']['launch'] == run.LAUNCH_FILE
    root = ET.parse(CHECKOUT / 'launch' / run.LAUNCH_FILE).getroot()
    assert [arg.get('name') for arg in root.findall('arg')] == INTERFACE['demo']['arguments']
    passed = {arg.get('name'): arg.get('value') for arg in root.find('include').findall('arg')}
    assert passed['image'] == bag.IMAGE
    assert passed['camera_info'] == bag.CAMERA_INFO
    assert passed['reference_frame'] == bag.PATIENT_FRAME
    parameters = {p.get('name'): p.get('value') for p in root.iter('param')}
    recorded = yaml.safe_load(parameters['topics'])
    assert {evaluate.POSE, evaluate.STATUS, bag.TF, bag.TRUTH} <= set(recorded)
