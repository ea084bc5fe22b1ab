"""`surgical-perception compare`: pairs by stamp, intervals that hold, and what is refused."""

import json

import numpy as np
import pytest

from surgical_perception import cli
from surgical_perception.errors import InputError
from surgical_perception.evaluation import compare_report, results
from surgical_perception.evaluation.compare import compare
from surgical_perception.evaluation.results import Metric
from surgical_perception.evaluation.tracking.bootstrap import paired_bootstrap
from surgical_perception.geometry import se3

POSE = se3.exp([0.1, 0.2, 0.7, 0.3, 0.2, 0.1])


def shot(stamp_ns, mtre_mm=0.5, verdict='OK', pose=POSE, **more):
    accepted = verdict != 'REJECTED'
    return {
        'stamp_ns': stamp_ns,
        'verdict': verdict,
        'has_truth': True,
        'mtre_mm': mtre_mm if accepted else np.nan,
        'sigma_mm': np.full(3, 0.1 if accepted else 1e6),
        'reference_from_ct': pose.ravel() if accepted else None,
        'reference_frame': 'patient',
        'reason': 'text is no number',
        **more,
    }


def write(folder, rows, metrics=None, unit='shots', **extra):
    folder.mkdir()
    metrics = metrics or {'smsr': Metric(0.5, '1', 'share')}
    results.write_result(folder, metrics, extra={unit: rows, **extra})
    return folder


def changes(comparison):
    return {change.name: change for change in comparison.changes}


def test_rows_are_paired_by_stamp_and_poses_compared_at_the_isocentre(tmp_path):
    turn = se3.exp([0, 0, 0, 0, 0, np.radians(2)])
    moved = se3.exp([0.003, 0, 0, 0, 0, 0]) @ POSE
    first = write(
        tmp_path / 'first',
        [shot(30, 0.4), shot(10, 0.2), shot(20, verdict='REJECTED'), shot(99)],
        isocentre_m=np.zeros(3),
    )
    second = write(
        tmp_path / 'second',
        [shot(10, 0.5, pose=moved), shot(20, 3.0), shot(30, 0.6, pose=POSE @ turn)],
        {'smsr': Metric(0.75, '1', 'share'), 'other': Metric(1, 's')},
    )
    found = compare(first, second)
    assert found.keys == [30, 10, 20]
    error = changes(found)['mtre_mm']
    assert (error.first, error.second, error.rows) == pytest.approx((0.3, 0.55, 2))
    assert (error.only_first, error.only_second) == (0, 1)
    assert changes(found)['accepted (share)'].difference == pytest.approx(1 / 3)
    below = changes(found)['mTRE below 1 mm (share)']
    assert (below.first, below.second) == pytest.approx((2 / 3, 2 / 3))
    assert changes(found)['sigma_mm depth'].first == pytest.approx(0.1)
    assert found.verdicts == [(20, 'REJECTED', 'OK')]
    assert found.apart['mm'] == pytest.approx([0, 3])
    assert found.apart['deg'] == pytest.approx([2, 0], abs=1e-5)
    assert found.metrics == [('smsr', '1', 'share', 0.5, 0.75)]
    assert any('1 shots of first are not in second' in note for note in found.notes)
    assert any('too few for intervals' in note for note in found.notes)
    assert np.isnan(error.low)


def test_an_interval_is_paired_and_tells_a_difference_from_none(tmp_path):
    rng = np.random.default_rng(0)
    hard = rng.lognormal(0, 1, 60)  # shots differ far more than the runs do
    noise = 0.01 * rng.normal(size=(3, 60))
    runs = [
        write(tmp_path / name, [shot(i, e) for i, e in enumerate(hard + shift + n)])
        for name, shift, n in zip(('a', 'same', 'worse'), (0, 0, 0.02), noise, strict=True)
    ]
    same, worse = (changes(compare(runs[0], run))['mtre_mm'] for run in runs[1:])
    assert worse.low < worse.difference < worse.high
    assert worse.differs
    assert abs(same.difference) < 0.01
    assert worse.high - worse.low < 0.02  # unpaired it would be about 1


def test_blocks_of_neighbours_widen_an_interval_of_slow_errors():
    slow = np.repeat(np.random.default_rng(3).normal(size=20), 10)
    single = paired_bootstrap(slow, np.zeros(200))
    blocks = paired_bootstrap(slow, np.zeros(200), block=10)
    assert blocks.high - blocks.low > 2 * (single.high - single.low)
    with pytest.raises(InputError, match='blocks of 3'):
        paired_bootstrap([1, 2], [1, 1], block=3)


def test_frames_of_tracked_clips_are_paired_too(tmp_path):
    def frames(median_px):
        return [
            {'frame': i, 'points': 9, 'median_px': median_px + 0.01 * (i % 3)} for i in range(9)
        ]

    first = write(tmp_path / 'a', frames(1.0), unit='frames')
    second = write(tmp_path / 'b', frames(0.5), unit='frames')
    found = compare(first, second)
    assert changes(found)['median_px'].difference == pytest.approx(-0.5)
    assert changes(found)['median_px'].differs
    assert 'accepted (share)' not in changes(found)
    mixed = compare(first, write(tmp_path / 'c', [shot(1)]))
    assert mixed.keys == []
    assert any('none is paired' in note for note in mixed.notes)


def test_two_results_of_register_are_a_pair(tmp_path):
    paths = []
    for name, x in (('a', 0.0), ('b', 0.002)):
        pose = se3.exp([x, 0, 0, 0, 0, 0]) @ POSE
        content = {
            'status': 'OK',
            'reference_from_ct': pose.ravel(),
            'sigma_mm': [0.1, 0.1, 0.5],
            'similarity': 0.9 + x,
            'time_s': 1.0,
            'inputs': {'ct': {'path': 'ct', 'sha256': name}},
        }
        (tmp_path / name).mkdir()
        paths.append(results.write_json(tmp_path / name / 'result.json', content))
    found = compare(*paths)
    assert changes(found)['similarity'].difference == pytest.approx(0.002)
    assert len(found.apart['deg']) == 1
    assert any('another ct' in note for note in found.notes)


def test_table_plot_and_page_are_written(tmp_path, capsys):
    rng = np.random.default_rng(1)
    runs = [
        write(tmp_path / name, [shot(i, error) for i, error in enumerate(rng.uniform(0, 1, 12))])
        for name in 'ab'
    ]
    words = ['compare', *map(str, runs), '--out', str(tmp_path / 'out')]
    assert cli.main(words) == 0
    assert '| mtre_mm |' in capsys.readouterr().out
    out = tmp_path / 'out'
    assert (out / compare_report.TABLE).read_text().startswith('# b (second) against a (first)')
    assert 'data:image/png' in (out / compare_report.REPORT).read_text()
    content = json.loads((out / compare_report.JSON).read_text(), parse_constant=pytest.fail)
    assert content['rows'] == 12
    assert cli.main(['compare', *map(str, runs)]) == 0  # a table needs no folder


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        ('[1]', 'is no result of evaluate'),
        ('{"a": 1}', 'is no result of evaluate'),
        ('{', 'is no JSON'),
        ('{"metrics": {"a": 1}}', 'is damaged'),
        ('{"metrics": {}}', 'share no stamp and no metric'),
    ],
)
def test_what_is_no_run_is_refused(tmp_path, capsys, content, reason):
    good = write(tmp_path / 'good', [shot(1)])
    (tmp_path / 'result.json').write_text(content)
    assert cli.main(['compare', str(good), str(tmp_path)]) == 2
    assert reason in capsys.readouterr().err
    assert cli.main(['compare', str(good), str(tmp_path / 'missing')]) == 2
    assert 'cannot be read' in capsys.readouterr().err
