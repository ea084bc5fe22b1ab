"""Records survive on disk; statistics count every failure; the page says both."""

from dataclasses import replace

import pytest
from benchmark_records import record

from surgical_perception.errors import InputError
from surgical_perception.evaluation.metrics import wilson_interval
from xray_registration.benchmark.records import ALL_GROUPS, NO_START, RecordFile, read_records
from xray_registration.benchmark.summary import summarised, together
from xray_registration.benchmark.table import markdown

INF, NAN = float('inf'), float('nan')
FAILED = {
    'mtre_mm': INF, 'mpe_mm': INF, 'rotation_deg': INF, 'in_plane_mm': INF, 'depth_mm': INF,
    'time_s': NAN, 'verdict': '', 'starts_used': 0, 'error': 'ValueError: broke, "badly"',
}  # fmt: skip


def test_records_come_back(tmp_path):
    kept = [record(), record('spherical[a b]', case='x/y', start=2), record(start=3, **FAILED)]
    for number, one in enumerate(kept):
        RecordFile(tmp_path / 'trials.csv').append(one)  # each time anew, as a new run does
        assert len(read_records(tmp_path)) == number + 1
    found = read_records(tmp_path)
    assert list(found) == [one.key for one in kept]
    assert found[kept[1].key] == kept[1]
    assert found[kept[2].key].error == kept[2].error
    assert found[kept[2].key].mtre_mm == INF


def test_shards_are_read_together(tmp_path):
    for shard in (1, 2):
        RecordFile(tmp_path / f'trials_{shard}_of_2.csv').append(record(start=shard))
    assert sorted(r.start for r in read_records(tmp_path).values()) == [1, 2]


def test_a_text_of_several_lines_stays_one_row(tmp_path):
    RecordFile(tmp_path / 'trials.csv').append(record(error='a\nb'))
    (found,) = read_records(tmp_path).values()
    assert found.error == 'a b'


@pytest.mark.parametrize('cut', [3, 20, 60])
def test_a_row_that_was_cut_off_is_dropped(tmp_path, cut):
    path = tmp_path / 'trials.csv'
    file = RecordFile(path)
    for start in (0, 1):
        file.append(record(start=start))
    path.write_text(path.read_text()[:-cut])
    assert list(read_records(tmp_path)) == [('lm', 'c', 0)]
    RecordFile(path).append(record(start=5))
    assert [key[2] for key in read_records(tmp_path)] == [0, 5]


def test_columns_of_another_version_are_refused(tmp_path):
    (tmp_path / 'trials.csv').write_text('method,mtre_mm\nlm,0.5\n')
    with pytest.raises(InputError, match='other columns'):
        read_records(tmp_path)


def test_failures_count_as_infinite_errors():
    trials = [record(case=str(n), mtre_mm=e) for n, e in enumerate([0.2, 0.4, 1.5, 5.0])]
    (found,) = summarised([*trials, record(case='9', **FAILED)])
    assert (found.trials, found.failures) == (5, 1)
    assert found.success == pytest.approx(2 / 5)
    assert (found.success_low, found.success_high) == wilson_interval(2, 5)
    assert found.within_2_mm == pytest.approx(3 / 5)
    assert found.mtre_mm == (1.5, 5.0, INF)
    assert found.mpe_mm == (0.25, 0.25, INF)
    assert found.time_s == (1.0, 1.0)
    assert found.errors == {FAILED['error']: 1}


def test_nothing_but_failures_has_no_time():
    (found,) = summarised([record(**FAILED)])
    assert found.time_s is None and found.success == 0


def test_capture_range_is_that_of_the_starts():
    starts, ends = [3.5, 10.5, 20.5, 30.5], [0.1, 0.2, 8.0, 0.1]
    trials = [
        record(case=str(n), start_mtre_mm=s, mtre_mm=e)
        for n, (s, e) in enumerate(zip(starts, ends, strict=True))
    ]
    (found,) = summarised(trials)
    assert found.capture_mm == 11
    (none,) = summarised([record(start=NO_START, start_mtre_mm=NAN)])
    assert none.capture_mm is None


def test_every_group_is_compared_with_its_own_lm():
    lm = [record(case=str(n), mtre_mm=2.0) for n in range(6)]
    other = [replace(r, method='x', mtre_mm=0.5) for r in lm]
    elsewhere = [replace(r, group='h', case=f'h{r.case}') for r in other]
    found = {(s.group, s.method): s for s in summarised(lm + other + elsewhere)}
    assert found['g', 'lm'].against is None
    assert found['h', 'x'].against is None  # lm did not run there
    against = found['g', 'x'].against
    assert (against.difference, against.p) == (1.0, pytest.approx(2 / 2**6))


def test_all_groups_together_are_compared_with_lm_on_all_trials():
    lm = [record(group=g, case=g + str(n), mtre_mm=2.0) for g in 'gh' for n in range(4)]
    other = [replace(r, method='x', mtre_mm=0.5) for r in lm[:6]]  # it misses two of the second
    assert together([r for r in lm + other if r.group == 'g']) == []
    first, second = together(lm + other)
    assert (first.group, first.method, first.trials) == (ALL_GROUPS, 'lm', 8)
    assert (second.method, second.trials, second.success) == ('x', 6, 1.0)
    assert (second.against.pairs, second.against.gained, second.against.lost) == (6, 6, 0)
    page = markdown(summarised(lm + other) + together(lm + other), [])
    titles = [line for line in page.splitlines() if line.startswith('## ')]
    assert titles == ['## g', '## h', '## all groups']


def test_the_page_has_a_table_for_each_group_and_names_failures():
    lm = [record(case=str(n)) for n in range(3)]
    other = [replace(r, method='x', **FAILED) for r in lm]
    away = record(group='h', case='h', start=NO_START, start_mtre_mm=NAN)
    page = markdown(summarised([*lm, *other, away]), ['a note'])
    assert '- a note' in page and '## g' in page and '## h' in page
    assert '- x: 3 of 3 failed: ValueError: broke, "badly"' in page
    rows = [line for line in page.splitlines() if line.startswith('| ')]
    cells = [[cell.strip() for cell in row.strip('|').split('|')] for row in rows]
    assert {len(row) for row in cells} == {14}
    assert cells[2][:4] == ['lm', '3', '0', '100.0% (44%-100%)']
    assert cells[3][5] == 'inf / inf / inf'
    assert cells[3][12:] == ['-100.0% (-100% to -21%), 0/3 of 3', '0.25']
    assert cells[-1][10] == ''
