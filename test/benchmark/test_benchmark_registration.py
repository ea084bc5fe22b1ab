"""`benchmark registration` from case folders to tables: found, kept, gone on with, refused."""

import json
import shutil

import cv2
import numpy as np
import pytest
from small_ct import write_small_ct

from surgical_perception import cli
from xray_registration.benchmark import make_cases, workers
from xray_registration.benchmark.records import NO_START, read_records
from xray_registration.pipeline import RegistrationPipeline

# A voxel of the CT: the X-rays are of its cubes, the DRRs of their interpolation.
LIMIT_MM = 3.0


def benchmark(cases, out, *more, methods='lm,multistart'):
    words = ['benchmark', 'registration', '--cases', str(cases), '--out', str(out)]
    return cli.main([*words, '--methods', methods, *map(str, more)])


@pytest.fixture(scope='module')
def finished(cases, tmp_path_factory):
    out = tmp_path_factory.mktemp('run') / 'out'
    assert benchmark(cases, out) == 0
    return out


@pytest.fixture
def ran(monkeypatch):
    """The keys of the trials that are really run."""
    keys, run_trial = [], workers.run_trial
    monkeypatch.setattr(workers, 'run_trial', lambda t: keys.append(t.key) or run_trial(t))
    return keys


def test_both_methods_find_the_poses(finished):
    found = read_records(finished)
    names = sorted((method, case.split('/')[1], start) for method, case, start in found)
    expected = [
        (method, f'standard-00{case}', start)
        for method in ('lm', 'multistart')
        for case in (0, 1)
        for start in (0, 1)
    ]
    assert names == sorted([*expected, ('lm', 'training-range-000', NO_START)])
    for record in found.values():
        assert record.mtre_mm < LIMIT_MM and record.mpe_mm < LIMIT_MM
        assert record.time_s > 0 and record.starts_used >= 1 and not record.error
        assert (record.start_mtre_mm > 5) == (record.start != NO_START)


def test_table_result_and_pictures_are_left(finished):
    page = (finished / 'table.md').read_text()
    titles = [line for line in page.splitlines() if line.startswith('## ')]
    assert sorted(titles[:2]) == ['## standard', '## training-range']
    assert titles[2:] == ['## all groups']
    assert 'multistart is left out of training-range' in page
    result = json.loads((finished / 'result.json').read_text())
    rows = {(s['group'], s['method']): s for s in result['summaries']}
    assert rows['standard', 'multistart']['against']['pairs'] == 4
    assert rows['training-range', 'lm']['capture_mm'] is None
    assert rows['all groups', 'lm']['trials'] == 5
    assert rows['all groups', 'multistart']['against']['pairs'] == 4
    assert result['settings']['methods'][0]['compared']['method'] == 'lm'
    assert {'versions', 'device', 'created'} <= set(result)
    for name in ('success.png', 'errors.png', 'times.png', 'capture.png'):
        picture = cv2.imread(str(finished / name))
        assert picture.shape[1] > 800 and picture.std() > 5


def test_a_segmented_bone_is_found_around_its_projection(cases, tmp_path):
    """A dark block over a part of it counts for nothing where the mask leaves it out."""
    case = tmp_path / 'cases' / 'bone'
    shutil.copytree(cases / 'standard-000', case)
    values = json.loads((case / 'truth.json').read_text())
    values |= {'region': 'projection', 'automatic_masks': False, 'starts': values['starts'][:1]}
    (case / 'truth.json').write_text(json.dumps(values))
    xray = cv2.imread(str(case / 'view_0.png'), cv2.IMREAD_UNCHANGED)
    mask = np.full(xray.shape, 255, np.uint8)
    mask[20:44, 10:30] = 0
    xray[mask == 0] = xray.min()
    cv2.imwrite(str(case / 'view_0.png'), xray)
    cv2.imwrite(str(case / 'mask_0.png'), mask)
    assert benchmark(case, tmp_path / 'out', methods='lm') == 0
    (found,) = read_records(tmp_path / 'out').values()
    # 0.3 mm, and 1.2 mm without the mask; one such view hardly sees depth.
    assert not found.error and found.mpe_mm < 0.6


def test_what_is_there_is_not_run_again(finished, cases, ran):
    assert benchmark(cases, finished) == 0
    assert ran == []


def test_a_stopped_run_goes_on(finished, cases, tmp_path, ran, capsys, monkeypatch):
    whole = workers.run_trial

    def until_the_third(task):
        if len(ran) == 2:
            raise KeyboardInterrupt
        return whole(task)

    with monkeypatch.context() as patch:
        patch.setattr(workers, 'run_trial', until_the_third)
        assert benchmark(cases, tmp_path, methods='lm') == 130
    assert 'the same command goes on' in capsys.readouterr().err
    assert len(read_records(tmp_path)) == len(ran) == 2
    assert '## standard' in (tmp_path / 'table.md').read_text()
    assert benchmark(cases, tmp_path, methods='lm') == 0
    assert len(ran) == len(set(ran)) == 5


def test_shards_are_parts_of_the_whole(cases, tmp_path, ran):
    for shard in ('1/2', '2/2'):
        assert benchmark(cases, tmp_path, '--shards', shard, methods='lm') == 0
    assert len(ran) == len(read_records(tmp_path)) == 5
    assert len(list(tmp_path.glob('trials_?_of_2.csv'))) == 2


def test_failures_are_counted(cases, tmp_path, monkeypatch):
    register = RegistrationPipeline.register

    def sometimes(self, views, start=None):
        if start is None:
            raise ZeroDivisionError('nothing there')
        return register(self, views, start)

    monkeypatch.setattr(RegistrationPipeline, 'register', sometimes)
    assert benchmark(cases, tmp_path, methods='lm') == 0
    failed = [r for r in read_records(tmp_path).values() if r.error]
    assert [r.error for r in failed] == ['ZeroDivisionError: nothing there']
    assert failed[0].mtre_mm == np.inf and np.isnan(failed[0].time_s)
    page = (tmp_path / 'table.md').read_text()
    assert '- lm: 1 of 1 failed: ZeroDivisionError: nothing there' in page


def test_other_x_rays_of_the_same_name_are_refused(finished, ct_path, tmp_path, cases, capsys):
    other = tmp_path / cases.name
    make_cases.run(ct_path, other, ['standard'], count=1, per_pose=2, seed=2)
    assert benchmark(other, finished) == 2
    assert 'other X-rays or weights' in capsys.readouterr().err


def test_another_ct_is_refused(cases, tmp_path, capsys):
    ct = write_small_ct(tmp_path / 'other.nii')  # the same numbers, uncompressed: another file
    assert benchmark(cases, tmp_path / 'out', '--ct', ct) == 2
    assert 'is of the CT' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_a_ct_that_has_moved_is_named(cases, ct_path, tmp_path, ran):
    moved = tmp_path / ct_path.name
    moved.write_bytes(ct_path.read_bytes())
    case = cases / 'training-range-000'
    assert benchmark(case, tmp_path / 'out', '--ct', moved, methods='lm') == 0
    assert len(ran) == 1


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        (['--shards', '3/2'], 'expected K/N'),
        (['--shards', 'half'], 'expected K/N'),
        (['--ray', '--jobs', '2'], 'exclude each other'),
        (['--methods', 'regressor-lm'], 'nothing is left to run'),
        (['--methods', 'magic'], 'is none of'),
    ],
)
def test_command_lines_that_cannot_work_are_refused(cases, tmp_path, words, expected, capsys):
    assert benchmark(cases, tmp_path / 'out', *words) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
