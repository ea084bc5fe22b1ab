"""Rows, numbers and starts of an evaluation, against errors that were put in."""

import numpy as np
import pytest
from scipy.stats import chi2

from surgical_perception.evaluation import metrics
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration import covariance
from xray_registration.evaluation import capture
from xray_registration.evaluation.outcome import ShotOutcome
from xray_registration.evaluation.rows import CHI2_6_95, rows, spread_points
from xray_registration.evaluation.summary import percentile_rows, summarise

CAMERA = PinholeCamera.from_carm(128, 128, sdd_mm=1000.0, du_mm=2.0)
POINTS = 0.05 * np.array([[1.0, 1, 1], [-1, 1, 1], [1, -1, 1], [1, 1, -1]])
TRUTH = se3.exp([0.0, 0, 0.7, 0.1, 0.2, 0.3])


def outcome(estimate, truth=TRUTH, verdict='OK', **more):
    return ShotOutcome(
        stamp_ns=1,
        verdict=verdict,
        reason='',
        camera=CAMERA,
        carm_from_reference=np.eye(4),
        reference_frame='patient',
        carm_frame='carm',
        estimate=estimate,
        truth=truth,
        **more,
    )


def shifted(x_mm, z_mm=0.0):
    return se3.exp([x_mm * 1e-3, 0, z_mm * 1e-3, 0, 0, 0]) @ TRUTH


def test_errors_are_those_that_were_put_in():
    (row,) = rows([outcome(shifted(3, 4), start=shifted(0, 20))], POINTS, np.zeros(3), 1000.0)
    assert row['mtre_mm'] == pytest.approx(5)
    assert row['start_mtre_mm'] == pytest.approx(20)
    assert row['rotation_deg'] == pytest.approx(0, abs=1e-6)
    assert (row['in_plane_mm'], row['depth_mm']) == pytest.approx((3, 4))
    np.testing.assert_allclose(row['axes_error_mm'], [3, 0, 4], atol=1e-9)
    # Across the beam, an error grows with the distance of the detector; 2 mm make a pixel there.
    (row,) = rows([outcome(shifted(3))], POINTS, np.zeros(3), 1000.0)
    depth_m = se3.apply(TRUTH, POINTS)[:, 2]
    assert row['mpe_mm'] == pytest.approx(np.mean(3 * 1.0 / depth_m))
    assert row['mpe_mm'] == pytest.approx(2 * row['mpe_px'])
    assert np.isnan(rows([outcome(shifted(3))], POINTS, np.zeros(3))[0]['mpe_mm'])


def test_steps_are_between_accepted_neighbours_of_a_tracked_c_arm():
    sequence = [shifted(0), None, shifted(2), shifted(2)]
    table = rows([outcome(pose, truth=None) for pose in sequence], POINTS, np.zeros(3))
    assert [row['step_mm'] for row in table] == pytest.approx([np.nan, np.nan, 2, 0], nan_ok=True)
    numbers = summarise(table)
    assert numbers['repeatability_median'].value == pytest.approx(1)
    assert 'smsr' not in numbers
    assert percentile_rows(table)[1] == ()
    # In the C-arm's own frame the CT moves with every shot: nothing repeats.
    still = [ShotOutcome(1, 'OK', '', CAMERA, np.eye(4), estimate=pose) for pose in sequence]
    assert np.isnan([row['step_mm'] for row in rows(still, POINTS, np.zeros(3))]).all()


def test_numbers_count_what_was_not_accepted_as_failures():
    poses = [shifted(0.5), shifted(0.7), shifted(6), None]
    verdicts = ['OK', 'DEGRADED', 'OK', 'REJECTED']
    pairs = zip(poses, verdicts, strict=True)
    table = rows([outcome(p, verdict=v) for p, v in pairs], POINTS, np.zeros(3))
    table.append(rows([outcome(None, truth=None, verdict='')], POINTS, np.zeros(3))[0])
    values = {name: metric.value for name, metric in summarise(table).items()}
    assert (values['shots'], values['ok'], values['degraded'], values['rejected']) == (5, 2, 1, 1)
    assert values['dropped'] == 1
    assert values['smsr'] == pytest.approx(2 / 4)
    assert values['false_accepts'] == pytest.approx(1 / 4)
    assert values['mtre_median'] == pytest.approx((0.7 + 6) / 2)
    assert np.isinf(values['mtre_p95'])
    low, high = metrics.wilson_interval(2, 4)
    assert f'{low:.3f} to {high:.3f}' in summarise(table)['smsr'].text
    header, lines = percentile_rows(table)
    assert len(lines[0]) == len(header)
    assert lines[0][2] == pytest.approx((0.7 + 6) / 2)


def test_a_truth_drawn_from_the_covariance_is_in_the_ellipsoid_as_often_as_it_says():
    assert chi2.ppf(0.95, 6) == pytest.approx(CHI2_6_95, abs=1e-3)
    rng, isocentre = np.random.default_rng(1), np.array([0.1, -0.2, 1.0])
    factor = 1e-3 * rng.normal(size=(6, 6))
    twist_covariance = factor @ factor.T
    inside = []
    for _ in range(600):
        # The registration's error is a left twist of ct_from_reference about the isocentre.
        twist = factor @ rng.normal(size=6)
        estimate = se3.inverse(se3.perturb(twist, se3.inverse(TRUTH), isocentre))
        reported = covariance.pose_covariance(twist_covariance, estimate, isocentre)
        (row,) = rows([outcome(estimate, covariance=reported)], POINTS, isocentre)
        inside.append(row['squared_distance'] < CHI2_6_95)
    low, high = metrics.wilson_interval(sum(inside), len(inside), z=3.3)
    assert low < 0.95 < high


def test_starts_are_spread_evenly_over_their_error():
    rng, centre = np.random.default_rng(2), np.array([0.01, 0.02, 0.03])
    starts = capture.starts_around(TRUTH, POINTS, centre, 40.0, 8, rng)
    errors = [metrics.mtre_mm(start, TRUTH, POINTS) for start in starts]
    assert [int(error // 5) for error in errors] == list(range(8))
    assert all(metrics.rotation_error_deg(start, TRUTH) > 0 for start in starts)


def test_the_capture_range_ends_where_starts_fail(tmp_path):
    trials = [{'start_mtre_mm': mm, 'mtre_mm': 0.1 if mm < 20 else np.inf} for mm in range(40)]
    assert capture.range_mm(trials) == 20
    capture.draw(tmp_path / 'capture.png', trials)
    assert (tmp_path / 'capture.png').stat().st_size > 5000


def test_points_are_spread_over_all_vertices():
    points = spread_points(np.arange(30000, dtype=np.float32).reshape(-1, 3))
    assert 2000 <= len(points) < 2100
    assert points[-1, 0] > 29900
    assert points.dtype == np.float64
