"""`surgical-perception track`: all that it leaves, a sentence for bad input, Ctrl-C in the fit."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import open3d
import pytest

from surg_invnerf import session
from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.config import SceneConfig
from surg_invnerf.synthetic.write import write_folder
from surgical_perception import cli
from surgical_perception.geometry.camera import load_camera_yaml

SCENE = SceneConfig(seed=2, frames=5, width=160, height=128, poses=True)
QUERIES = [[40, 30, 0], [100.5, 90.25, 4], [70, 60, 2]]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('clip') / 'clip'
    write_folder(SyntheticClip(SCENE), path)
    return path


@pytest.fixture
def queries(tmp_path):
    path = tmp_path / 'queries.json'
    path.write_text(json.dumps(QUERIES))
    return path


def test_everything_is_written(folder, queries, tmp_path, capfd):
    out = tmp_path / 'out'
    words = ['track', str(folder), '--out', str(out), '--queries', str(queries), '--steps', '20']
    assert cli.main(words) == 0
    assert f'{out}/report.html' in capfd.readouterr().err.replace('\n', '')

    tracks = np.load(out / 'tracks.npz')
    assert tracks['ids'].tolist() == [0, 1, 2]
    shapes = {name: tracks[name].shape for name in ('uv', 'xyz_m', 'visible', 'cov_m2')}
    assert shapes == {
        'uv': (3, 5, 2),
        'xyz_m': (3, 5, 3),
        'visible': (3, 5),
        'cov_m2': (3, 5, 3, 3),
    }
    assert tracks['confidence'].shape == tracks['cause'].shape == (3, 5)
    assert tracks['frames'].tolist() == [0, 1, 2, 3, 4]
    for row, (u, v, frame) in enumerate(QUERIES):  # in the order of the queries
        np.testing.assert_allclose(tracks['uv'][row, frame], [u, v], atol=1.5)
    assert (np.linalg.eigvalsh(tracks['cov_m2']) > 0).all()

    surfaces = sorted(out.glob('surface_*.ply'))
    assert [path.name for path in surfaces] == [f'surface_{n:06d}.ply' for n in (0, 2, 4)]
    points = np.asarray(open3d.io.read_point_cloud(str(surfaces[0])).points)
    assert len(points) > 500
    assert 0.04 < np.median(points[:, 2]) < 0.15

    depth = cv2.imread(str(out / 'depth' / '000003.tiff'), cv2.IMREAD_UNCHANGED)
    assert depth.dtype == np.float32
    assert depth.shape == (128, 160)
    assert np.isfinite(depth).mean() > 0.5
    assert 0.04 < np.nanmedian(depth) < 0.15
    assert load_camera_yaml(out / 'depth' / 'camera.yaml')[0].width == 160
    assert 'metres' in (out / 'depth' / 'README.txt').read_text()

    assert cv2.imread(str(out / 'overlay.png')).shape[1] > 1900
    assert cv2.VideoCapture(str(out / 'overlay.mp4')).get(cv2.CAP_PROP_FRAME_COUNT) == 5
    saved = session.load(out / 'model.npz')
    assert saved.ids.tolist() == [0, 1, 2]
    assert saved.next_id == 3

    result = json.loads((out / 'result.json').read_text(), parse_constant=pytest.fail)
    assert result['status'] == 'OK'
    assert result['kinematics'] is True
    assert result['metrics']['points']['value'] == 3
    assert result['metrics']['steps']['value'] >= 20
    assert result['stages']
    assert {'queries'} < set(result['inputs'])
    page = (out / 'report.html').read_text()
    assert page.count('data:image/png') == 3  # tracks, curves, error maps


def scaled_baseline(folder, target):
    text = (folder / 'calib.yaml').read_text().replace('baseline_m: 0.0045', 'baseline_m: 4.5')
    target.mkdir()
    (target / 'calib.yaml').write_text(text)
    for side in ('left', 'right'):
        (target / side).symlink_to(folder / side)
    return target


BAD = {
    'no clip': (lambda f, d: [str(d / 'none')], 'there is no such clip'),
    'clip is a file': (lambda f, d: [str(f / 'calib.yaml')], 'is no clip'),
    'seed is a word': (lambda f, d: ['synthetic:one'], 'whole number'),
    'baseline in mm': (lambda f, d: [str(scaled_baseline(f, d / 'mm'))], 'millimetres'),
    'no such queries': (lambda f, d: [str(f), '--queries', str(d / 'q.json')], 'q.json'),
    'query outside': (
        lambda f, d: [str(f), '--queries', str(written(d / 'q.json', '[[160, 5, 0]]'))],
        'outside the 160x128 image',
    ),
    'query of no frame': (
        lambda f, d: [str(f), '--queries', str(written(d / 'q.json', '[[16, 5, 5]]'))],
        'names no frame of the clip, 0 to 4',
    ),
    'unknown preset': (lambda f, d: [str(f), '--preset', 'tiny'], "'tiny'"),
    'no steps': (lambda f, d: [str(f), '--steps', '0'], 'steps is 0'),
    'unknown device': (lambda f, d: [str(f), '--device', 'tpu'], "'tpu'"),
    'calibration twice': (
        lambda f, d: [str(f), '--calibration', str(f / 'calib.yaml')],
        'brings its own',
    ),
    'unknown correspondence': (lambda f, d: [str(f), '--correspondence', 'eyes'], "'eyes'"),
    'no weights': (
        lambda f, d: [
            *(str(f), '--correspondence', 'torchscript'),
            *('--correspondence-option', f'weights={d}/none.pt'),
        ],
        'none.pt',
    ),
    'option without value': (
        lambda f, d: [str(f), '--correspondence-option', 'weights'],
        'expected name=value',
    ),
    'unknown flag': (lambda f, d: [str(f), '--query', 'x'], '--query'),
}


def written(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize('case', BAD)
def test_bad_input_is_one_sentence_and_exit_code_2(folder, tmp_path, capfd, case):
    change, named = BAD[case]
    out = tmp_path / 'out'
    assert cli.main(['track', *change(folder, tmp_path), '--out', str(out)]) == 2
    stdout, stderr = capfd.readouterr()
    assert stdout == ''
    assert named in stderr
    assert stderr.count('\n') == 1
    assert not (out / 'result.json').exists()


def test_out_that_is_a_file_is_refused(folder, tmp_path, capfd):
    out = written(tmp_path / 'file', '')
    assert cli.main(['track', str(folder), '--out', str(out)]) == 2
    assert 'no folder' in capfd.readouterr().err


# Ctrl-C as soon as the fit has done a step: what the terminal sends, at a moment that is known.
_INTERRUPTED = """
import os, signal, sys
from surg_invnerf import pipeline
from surgical_perception import cli

def fit(*args, progress, **settings):
    def told(done, total, report):
        progress(done, total, report)
        if done == 2:
            os.kill(os.getpid(), signal.SIGINT)
    return before(*args, progress=told, **settings)

before, pipeline.fit = pipeline.fit, fit
sys.exit(cli.main(sys.argv[1:]))
"""


def test_ctrl_c_in_the_fit_keeps_what_is_done(folder, queries, tmp_path):
    out = tmp_path / 'out'
    words = ['track', str(folder), '--out', str(out), '--queries', str(queries)]
    done = subprocess.run(
        [sys.executable, '-c', _INTERRUPTED, *words], capture_output=True, text=True
    )
    assert done.returncode == cli.INTERRUPTED, done.stderr
    assert 'interrupted: writing what is fitted' in done.stderr
    assert 'Traceback' not in done.stderr
    assert np.isfinite(np.load(out / 'tracks.npz')['xyz_m']).all()
    result = json.loads((out / 'result.json').read_text())
    assert result['status'] == 'INTERRUPTED'
    assert result['metrics']['steps']['value'] == 2
    assert 'interrupted' in (out / 'report.html').read_text()
    assert {path.name for path in out.glob('*')} >= {'overlay.png', 'surface_000000.ply'}


def test_ctrl_c_before_the_fit_ends_at_once(folder, tmp_path, monkeypatch, capfd):
    def interrupted(*_):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr('surg_invnerf.pipeline.TrackingPipeline.link', interrupted)
    out = tmp_path / 'out'
    assert cli.main(['track', str(folder), '--out', str(out)]) == cli.INTERRUPTED
    assert capfd.readouterr().err.strip().endswith('surgical-perception: interrupted')
    assert not Path(out / 'result.json').exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
