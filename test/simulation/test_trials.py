"""The benchmark's trials: reproducible, within their ranges, and counted honestly."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'benchmarks'))

from records import Record, RecordFile, markdown
from trials import START_RANGES, bone_points, poses, starts

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from xray_registration.volume.ct_image import CtImage

AFFINE = np.diag([2e-3, -3e-3, 4e-3, 1.0])
AFFINE[:3, 3] = [0.1, 0.3, -0.2]


def ct_with(hu, labels=None, is_hu=True):
    return CtImage(hu, AFFINE, 'synthetic', '', labels, is_hu)


@pytest.fixture
def ct():
    return ct_with(np.zeros((20, 22, 24), np.int16))


def test_poses_and_starts_are_reproducible_and_differ_by_seed(ct):
    truth = poses(ct, 4, seed=1)
    np.testing.assert_array_equal(truth, poses(ct, 4, seed=1))
    assert not np.allclose(truth, poses(ct, 4, seed=2))
    start_range = next(iter(START_RANGES.values()))
    a, b = (starts(truth, ct.isocentre_m, start_range, 3, seed) for seed in (1, 2))
    assert a.shape == (4, 3, 4, 4) and not np.allclose(a, b)


def centres(truth, ct):
    """Return a frame [4, 4] per pose: at the isocentre, with the camera's axes."""
    return [
        se3.from_rotation_translation(np.eye(3), se3.apply(pose, ct.isocentre_m)) for pose in truth
    ]


@pytest.mark.parametrize('name', START_RANGES)
def test_starts_fill_their_range_about_the_isocentre_in_camera_axes(ct, name):
    start_range = START_RANGES[name]
    truth = poses(ct, 5, seed=1)
    found = starts(truth, ct.isocentre_m, start_range, 200, seed=3)
    twists = [
        se3.log(se3.inverse(centre) @ start @ se3.inverse(pose) @ centre)
        for pose, centre, group in zip(truth, centres(truth, ct), found, strict=True)
        for start in group
    ]
    largest = np.abs(twists).max(0)
    half_widths = np.r_[
        [start_range.in_plane_mm * 1e-3] * 2,
        start_range.depth_mm * 1e-3,
        [np.deg2rad(start_range.rotation_deg)] * 3,
    ]
    assert (largest <= half_widths * (1 + 1e-9)).all()
    assert (largest > 0.97 * half_widths).all()


def test_bone_points_lie_on_the_surface_of_labelled_bone():
    labels = np.zeros((20, 22, 24), np.uint8)
    labels[5:15, 6:16, 7:17] = 29
    labels[0, 0, 0] = 51  # the heart is no bone
    points = bone_points(ct_with(np.zeros(labels.shape, np.int16), labels), seed=1)
    indices = se3.apply(np.linalg.inv(AFFINE), points) - [7, 6, 5]
    assert len(points) == 10**3 - 8**3
    assert ((indices > -1e-6) & (indices < 9 + 1e-6)).all()
    assert (np.isclose(indices, 0) | np.isclose(indices, 9)).any(axis=1).all()


def test_bone_points_need_bone(ct):
    with pytest.raises(InputError, match='no bone'):
        bone_points(ct, seed=1)


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
