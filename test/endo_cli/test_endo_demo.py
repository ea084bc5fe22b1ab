"""The whole endoscope demo in small: bag, launch file, real node over real DDS, page."""

import json
import xml.etree.ElementTree as ET
from functools import partial
from pathlib import Path

import pytest
import yaml

from surg_invnerf.demo import present, run
from surg_invnerf.demo.recording import TOPICS
from surg_invnerf.demo.scene import DemoConfig
from surg_invnerf.pipeline import TrackingConfig
from surg_invnerf.synthetic import write
from surg_invnerf.synthetic.config import SceneConfig
from surgical_perception import demo
from surgical_perception.evaluation import results

CHECKOUT = Path(__file__).resolve().parents[2]
# Three pairs in two seconds: a busy machine drops some of them all the same.
SMALL = DemoConfig(
    scene=SceneConfig(seed=1, frames=8, width=160, height=128, poses=True),
    rate=0.15,
    tracking=TrackingConfig(steps=30),
)


def test_demo_tracks_and_reports(tmp_path, installed, capfd):
    folder = demo.run(tmp_path / 'out', {'endo': partial(run.run, config=SMALL)})
    terminal = capfd.readouterr().err
    assert terminal.strip().splitlines()[-1].endswith(f'latest/{demo.REPORT}')
    assert (tmp_path / 'out' / results.LATEST).resolve() == folder
    assert f'href="endo/{demo.REPORT}"' in (folder / demo.REPORT).read_text()

    half = folder / 'endo'
    left = {path.name for path in half.iterdir()}
    assert {
        present.OVERLAYS,
        present.SCENE,
        present.CURVES,
        present.SURFACE,
        demo.REPORT,
        'result.json',
        'nodes.log',
    } <= left
    assert (half / 'offline' / 'report.html').exists()
    result = json.loads((half / 'result.json').read_text(), parse_constant=pytest.fail)
    metrics = {name: metric['value'] for name, metric in result['metrics'].items()}
    assert metrics['node_answered'] > 0, terminal
    assert metrics['offline_coverage'] == 100
    assert metrics['offline_delta_px'] > 80
    assert result['config']['demo']['scene']['seed'] == 1
    page = (half / demo.REPORT).read_text()
    assert page.count('data:image/png') == 3


def test_launch_file_agrees_with_bag_and_recording():
    root = ET.parse(CHECKOUT / 'launch' / run.LAUNCH_FILE).getroot()
    passed = {arg.get('name'): arg.get('value') for arg in root.find('include').findall('arg')}
    assert passed['left_image'] == write.LEFT_IMAGE
    assert passed['left_camera_info'] == write.LEFT_INFO
    assert passed['right_image'] == write.RIGHT_IMAGE
    assert passed['right_camera_info'] == write.RIGHT_INFO
    listed = yaml.safe_load((CHECKOUT / 'surgical_perception' / 'interface.yaml').read_text())
    assert listed['endo_demo']['launch'] == run.LAUNCH_FILE
    arguments = {arg.get('name'): arg.get('default') for arg in root.findall('arg')}
    assert list(arguments) == listed['endo_demo']['arguments']
    assert arguments['world_frame'] == write.BASE_FRAME
    parameters = {p.get('name'): p.get('value') for p in root.iter('param')}
    # A replay waits until somebody listens to every topic of its bag.
    heard = {write.MEASURED_CP, write.TRUTH}
    assert set(yaml.safe_load(parameters['topics'])) == {*TOPICS, *heard}
