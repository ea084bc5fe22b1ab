"""replay.launch.xml: a bag into one node, both or none, on the launch runner."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import faulty_bags as bags
import yaml

import surgical_perception
from surgical_perception.parameters import flatten
from surgical_perception.ros.replay import ReplayNode, ReplayParameters

PACKAGE = Path(surgical_perception.__file__).parent
INTERFACE = yaml.safe_load((PACKAGE / 'interface.yaml').read_text())['replay']
FILE = PACKAGE.parent / 'launch' / INTERFACE['launch']


def values(node):
    return {p.name: p.value for p in node.parameters if not isinstance(p, Path)}


def test_without_a_half_the_bag_alone_is_played(launched):
    (node,) = launched(FILE.name, bag='/data/my bag', rate='2')
    assert node.executable == ReplayNode.NAME
    found = values(node)
    assert found['bag'] == '/data/my bag'
    assert found['wait_for'] == 'images'
    assert set(found) <= set(flatten(ReplayParameters))


def test_each_half_listens_to_the_topics_of_the_bag_in_its_time(launched):
    xray, replay = launched(
        FILE.name, bag='b', xray='true', ct='ct.nii', image='/carm/x', reference_frame='patient'
    )
    assert (xray.executable, replay.executable) == ('xray_registration_node', 'replay_node')
    assert ('image_rect', '/carm/x') in xray.remappings
    assert values(xray)['use_sim_time'] is True
    assert values(xray)['launch.reference_frame'] == 'patient'
    endo, _ = launched(FILE.name, bag='b', endo='true', left_image='/l', world_frame='base')
    assert endo.executable == 'surg_invnerf_node'
    assert ('left/image_rect', '/l') in endo.remappings
    assert values(endo)['use_sim_time'] is True
    assert len(launched(FILE.name, bag='b', endo='true', xray='true')) == 3


def test_arguments_are_those_that_are_listed():
    found = [arg.get('name') for arg in ET.parse(FILE).getroot().findall('arg')]
    assert found == INTERFACE['arguments']


def test_arguments_are_those_of_the_nodes_own_launch_files():
    """A topic that is renamed there must not be forgotten here."""
    for include in ET.parse(FILE).getroot().findall('include'):
        own = FILE.with_name(include.get('file').removeprefix('$(dirname)/'))
        known = {arg.get('name') for arg in ET.parse(own).getroot().findall('arg')}
        assert {arg.get('name') for arg in include.findall('arg')} <= known


def test_the_runner_plays_the_bag_to_its_end(tmp_path, installed):
    bag = bags.write(tmp_path / 'my bag', [bags.text_item(), bags.text_item('/more')])
    done = subprocess.run(
        [
            *(sys.executable, '-m', 'surgical_perception.runtime.launch_runner', str(FILE)),
            *(f'bag:={bag}', 'wait_s:=0.1', 'rate:=1'),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'played 2 messages' in done.stdout + done.stderr
