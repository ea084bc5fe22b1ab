"""The whole demo in small: bag, launch file, real nodes over real DDS, evaluation, report."""

import configparser
import json
import os
import re
import sys
from pathlib import Path

import pytest
from small_ct import write_small_ct

from surgical_perception.evaluation import results
from xray_registration.demo import present, run
from xray_registration.demo.scene import DemoConfig
from xray_registration.simulation.trajectory import OrbitConfig

CHECKOUT = Path(__file__).resolve().parents[2]
SMALL = DemoConfig(
    shots=4,
    moved_at_shot=2,
    period_s=1.5,
    tail_s=1.0,
    start_error_mm=(6.0, -5.0, 6.0),
    orbit=OrbitConfig(image_size=128, orbital_deg=10),
)


def console_scripts():
    """Return the lines `name = module:function` of setup.cfg."""
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / 'setup.cfg')
    return setup['options.entry_points']['console_scripts'].strip().splitlines()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Lay the checkout out as an installed package, and let launch find it."""
    prefix = tmp_path / 'prefix'
    share, programs = (prefix / part / run.PACKAGE for part in ('share', 'lib'))
    markers = prefix / 'share/ament_index/resource_index/packages'
    for folder in (share, programs, markers):
        folder.mkdir(parents=True)
    (markers / run.PACKAGE).touch()
    for name in ('launch', 'config'):
        (share / name).symlink_to(CHECKOUT / name)
    profile = Path('surgical_perception/runtime/fastdds_shm.xml')
    (share / profile.name).symlink_to(CHECKOUT / profile)
    for line in console_scripts():
        name, module, function = re.split(r'\s*[=:]\s*', line)
        program = programs / name
        code = f'import sys; from {module} import {function}; sys.exit({function}())'
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}" "$@"\n')
        program.chmod(0o755)
    paths = [str(prefix), *filter(None, [os.environ.get('AMENT_PREFIX_PATH')])]
    monkeypatch.setenv('AMENT_PREFIX_PATH', os.pathsep.join(paths))
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(CHECKOUT), *sys.path]))


def test_demo_registers_moves_rejects_and_reports(tmp_path, installed, capfd):
    ct_path = write_small_ct(tmp_path / 'ct.nii.gz')
    folder = run.run(tmp_path / 'out', SMALL, ct_path)
    terminal = capfd.readouterr().err
    assert terminal.strip().splitlines()[-1].endswith(f'latest/{present.REPORT}')

    latest = tmp_path / 'out' / results.LATEST
    assert latest.resolve() == folder
    expected = {present.REPORT, present.OVERLAYS, present.SCENE, present.CURVES, 'result.json'}
    assert expected <= {path.name for path in latest.iterdir()}
    page = (latest / present.REPORT).read_text()
    assert page.count('data:image/png') == 3

    result = json.loads((latest / 'result.json').read_text(), parse_constant=pytest.fail)
    metrics = {name: metric['value'] for name, metric in result['metrics'].items()}
    assert metrics['shots'] == 3
    assert metrics['tf_disagreement'] < 1e-6
    answered = [shot for shot in result['shots'] if shot['exposed'] and shot['verdict']]
    assert answered, terminal
    for shot in answered:
        assert shot['verdict'] == 'OK', shot['reason']
        assert shot['mtre_mm'] < 3.0  # a voxel
    assert metrics['dark_rejected'] == 1, terminal
    assert result['inputs']['ct']['sha256'] == results.sha256_of(ct_path)
    assert result['config']['demo']['seed'] == SMALL.seed
    assert result['config']['registration']['levels']
