"""The whole demo in small: bag, launch file, real nodes over real DDS, evaluation, report."""

import json
from functools import partial

import pytest
from small_ct import write_small_ct

from surgical_perception import demo
from surgical_perception.errors import InputError
from surgical_perception.evaluation import results
from xray_registration.demo import present, run
from xray_registration.demo.scene import DemoConfig
from xray_registration.simulation.trajectory import OrbitConfig

SMALL = DemoConfig(
    shots=4,
    moved_at_shot=2,
    period_s=1.5,
    tail_s=1.0,
    start_error_mm=(6.0, -5.0, 6.0),
    orbit=OrbitConfig(image_size=128, orbital_deg=10),
)


def test_demo_registers_moves_rejects_and_reports(tmp_path, installed, capfd):
    ct_path = write_small_ct(tmp_path / 'ct.nii.gz')
    half = partial(run.run, config=SMALL, ct_path=ct_path)
    folder = demo.run(tmp_path / 'out', {'xray': half})
    terminal = capfd.readouterr().err
    assert terminal.strip().splitlines()[-1].endswith(f'latest/{demo.REPORT}')

    assert (tmp_path / 'out' / results.LATEST).resolve() == folder
    front = (folder / demo.REPORT).read_text()
    assert front.count('data:image/png') == 1
    assert f'href="xray/{demo.REPORT}"' in front
    latest = folder / 'xray'
    expected = {demo.REPORT, present.OVERLAYS, present.SCENE, present.CURVES, 'result.json'}
    assert expected <= {path.name for path in latest.iterdir()}
    page = (latest / demo.REPORT).read_text()
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


def test_a_hint_with_brackets_comes_out_whole(tmp_path, monkeypatch, capfd):
    def refuse(*_):
        raise InputError('pip install "surgical_perception[view]"')

    monkeypatch.setattr(demo, 'write_recording', refuse)
    outcome = demo.Outcome('Title', 'Done.', {}, None, (tmp_path,))
    demo.run(tmp_path / 'out', {'xray': lambda *_: outcome})
    assert '"surgical_perception[view]"' in capfd.readouterr().err
