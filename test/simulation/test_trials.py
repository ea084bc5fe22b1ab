"""The benchmark's trials: reproducible, within their ranges, and counted honestly."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'benchmarks'))

from records import Record, RecordFile, markdown
from trials import poses

from xray_registration.volume.ct_image import CtImage


@pytest.fixture
def ct():
    affine = np.diag([2e-3, -3e-3, 4e-3, 1.0])
    affine[:3, 3] = [0.1, 0.3, -0.2]
    return CtImage(np.zeros((20, 22, 24), np.int16), affine, 'synthetic', '')


def test_poses_are_reproducible_and_differ_by_seed(ct):
    truth = poses(ct, 4, seed=1)
    np.testing.assert_array_equal(truth, poses(ct, 4, seed=1))
    assert not np.allclose(truth, poses(ct, 4, seed=2))


def record(mtre_mm, verdict='OK', **changes):
    values = {
        'method': 'm', 'case': 'c', 'start_range': 'r', 'pose': 0, 'start': 0,
        'start_mtre_mm': 30.0, 'mtre_mm': mtre_mm, 'in_plane_mm': 0.0, 'depth_mm': 0.0,
        'rotation_deg': 0.0, 'mahalanobis2': 1.0, 'time_s': 0.5, 'verdict': verdict,
        'starts_used': 1, 'error': '',
    }  # fmt: skip
    return Record(**{**values, **changes})


def test_the_table_counts_failures_and_wrong_verdicts():
    group = [
        record(0.1),
        record(0.2, 'REJECTED'),
        record(9.0, 'OK', mahalanobis2=12.7),
        record(float('inf'), '', time_s=float('nan')),
    ]
    row = markdown([*group, record(0.3, method='n', verdict='')]).splitlines()[2:]
    cells = [cell.strip() for cell in row[0].strip('|').split('|')]
    assert cells[3] == '4'
    assert cells[4].startswith('50.0%')
    assert float(cells[5]) == pytest.approx(4.6)
    assert cells[7] == 'inf'
    assert cells[8:12] == ['0.50', '0.50', '1', '1']
    # Of the accepted ones, half lie within the 95 % ellipsoid: chi2 with 6 degrees ends at 12.59.
    assert cells[12] == '50%'
    assert [cell.strip() for cell in row[1].strip('|').split('|')][10:] == ['', '', '']


def test_records_are_on_disk_at_once(tmp_path):
    file = RecordFile(tmp_path / 'runs' / 'registration.csv')
    for mtre_mm in (0.25, float('inf')):
        file.append(record(mtre_mm))
        with (tmp_path / 'runs' / 'registration.csv').open(encoding='utf-8') as stream:
            rows = list(csv.DictReader(stream))
        assert float(rows[-1]['mtre_mm']) == mtre_mm
    assert len(rows) == 2
