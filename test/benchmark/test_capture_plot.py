"""The plot of success against the error of the start."""

import cv2
import numpy as np
import pytest
from benchmark_records import record

from surgical_perception.evaluation.metrics import wilson_interval
from xray_registration.benchmark.capture_plot import draw_capture, success_by_start

STARTS = [1.0, 2.0, 3.0, 10.0, 11.0, 20.0]
ERRORS = [0.1, 0.2, 5.0, 0.1, float('inf'), 9.0]


@pytest.fixture
def records():
    return [
        record(start_mtre_mm=start, mtre_mm=error, start=number)
        for number, (start, error) in enumerate(zip(STARTS, ERRORS, strict=True))
    ]


def test_starts_are_counted_where_they_begin(records):
    found = success_by_start(records, np.array([1.0, 10.0, 20.0]))
    expected = [
        (2.0, 2 / 3, *wilson_interval(2, 3)),
        (11.0, 1 / 3, *wilson_interval(1, 3)),
    ]
    np.testing.assert_allclose(found, expected)


def test_bins_without_a_start_are_left_out(records):
    found = success_by_start(records, np.array([1.0, 4.0, 9.0, 20.0]))
    np.testing.assert_allclose(found[:, 0], [2.0, 11.0])


def test_methods_without_a_start_are_not_drawn(records, tmp_path):
    nowhere = record('regressor', start_mtre_mm=float('nan'), start=-1)
    assert draw_capture(tmp_path / 'with.png', [*records, nowhere])
    assert draw_capture(tmp_path / 'without.png', records)
    pictures = [cv2.imread(str(tmp_path / f'{name}.png')) for name in ('with', 'without')]
    np.testing.assert_array_equal(*pictures)


@pytest.mark.parametrize('count', [0, 1])
def test_one_start_is_no_curve(records, tmp_path, count):
    assert not draw_capture(tmp_path / 'none.png', records[:count])
    assert not list(tmp_path.iterdir())
