"""Metrics against closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgical_perception.errors import InputError
from surgical_perception.evaluation import metrics
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera

POINTS = np.array([[0.1, 0, 0], [-0.1, 0, 0], [0, 0.1, 0], [0, -0.1, 0]])
TRUTH = se3.exp([0.02, -0.1, 0.7, 0.3, -0.2, 0.1])
CAMERA = PinholeCamera.from_carm(256, 256, sdd_mm=1000, du_mm=1.0)


def shifted(x=0.0, y=0.0, z=0.0):
    """Return TRUTH moved in the reference frame by metres."""
    return se3.exp([x, y, z, 0, 0, 0]) @ TRUTH


def turned(angle_deg):
    """Return TRUTH turned about the z axis of the CT."""
    return TRUTH @ se3.exp([0, 0, 0, 0, 0, np.radians(angle_deg)])


def test_mtre_of_a_translation_is_its_length():
    assert metrics.mtre_mm(shifted(0.003, 0, 0.004), TRUTH, POINTS) == pytest.approx(5.0)


def test_mtre_of_a_rotation_is_its_chord():
    chord_mm = 2 * 100 * np.sin(np.radians(10) / 2)
    assert metrics.mtre_mm(turned(10), TRUTH, POINTS) == pytest.approx(chord_mm)


def test_projection_error_magnifies_a_lateral_shift():
    truth = se3.exp([0, 0, 0.5, 0, 0, 0])
    estimate = se3.exp([0.002, 0, 0.5, 0, 0, 0])
    error = metrics.mpe_mm(estimate, truth, POINTS, CAMERA, np.eye(4), pixel_mm=1.0)
    assert error == pytest.approx(2.0 * 1000 / 500)


def test_reprojection_error_is_the_distance_from_the_ray():
    truth, point = se3.exp([0, 0, 0.5, 0, 0, 0]), np.zeros((1, 3))
    aside = se3.exp([0.003, 0, 0.5, 0, 0, 0])
    assert metrics.mrpe_mm(aside, truth, point, np.eye(4)) == pytest.approx(
        500 * np.sin(np.arctan(3 / 500))
    )
    deeper = se3.exp([0, 0, 0.53, 0, 0, 0])
    assert metrics.mrpe_mm(deeper, truth, point, np.eye(4)) == pytest.approx(0, abs=1e-9)


def test_reference_frame_does_not_change_an_error():
    camera_from_reference = se3.exp([0.3, 0.1, -0.2, 0.5, 0.4, -0.3])
    estimate = shifted(0.002, 0.001, 0.004) @ se3.exp([0, 0, 0, 0.02, 0.01, 0])
    moved = [se3.inverse(camera_from_reference) @ pose for pose in (estimate, TRUTH)]
    assert metrics.mrpe_mm(*moved, POINTS, camera_from_reference) == pytest.approx(
        metrics.mrpe_mm(estimate, TRUTH, POINTS, np.eye(4))
    )


@pytest.mark.parametrize('angle_deg', [0.0, 0.01, 5.0, 179.0])
def test_rotation_error(angle_deg):
    assert metrics.rotation_error_deg(turned(angle_deg), TRUTH) == pytest.approx(
        angle_deg, abs=1e-6
    )


def test_geodesic_weighs_rotation_by_the_radius():
    assert metrics.geodesic_mm(turned(10), TRUTH, 0.15) == pytest.approx(150 * np.radians(10))
    assert metrics.geodesic_mm(shifted(0.003, 0.004), TRUTH, 0.15) == pytest.approx(5.0)


def test_camera_axes_split_in_plane_and_depth():
    carm_from_patient = se3.exp([0, 0, 0, 0, -np.pi / 2, 0])  # patient x is the optical axis
    error = metrics.camera_axes_error_mm(
        shifted(x=0.005, y=0.002), TRUTH, [0, 0, 0], carm_from_patient
    )
    np.testing.assert_allclose(np.abs(error), [0, 2, 5], atol=1e-9)
    assert metrics.in_plane_error_mm(error) == pytest.approx(2)
    assert metrics.depth_error_mm(error) == pytest.approx(5)


def test_failures_count_and_are_never_dropped():
    errors = [0.1, 0.2, np.nan, np.inf]
    assert metrics.success_rate(errors) == 0.5
    assert metrics.percentile(errors, 0) == 0.1
    assert metrics.percentile(errors, 100 / 3) == pytest.approx(0.2)
    assert np.isinf(metrics.percentile(errors, 50))
    assert np.isinf(metrics.percentile(errors, 95))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), st.floats(0, 100))
def test_percentile_agrees_with_numpy_without_failures(errors, percent):
    assert metrics.percentile(errors, percent) == pytest.approx(
        np.percentile(errors, percent), rel=1e-9, abs=1e-9
    )


def test_wilson_interval_of_the_textbook():
    # Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263 and 0 of 20.
    np.testing.assert_allclose(metrics.wilson_interval(81, 263), [0.2553, 0.3662], atol=5e-5)
    np.testing.assert_allclose(metrics.wilson_interval(0, 20), [0.0, 0.1611], atol=5e-5)


def test_capture_range_ends_at_the_first_failing_bin():
    starts = np.concatenate([np.full(20, 0.5), np.full(20, 1.5), np.full(20, 4.5), [5.5]])
    ends = np.full(61, 0.2)
    assert metrics.capture_range_mm(starts, ends) == 6.0
    ends[40:42] = np.nan  # 90 % of the bin 4 to 5 mm
    assert metrics.capture_range_mm(starts, ends) == 2.0
    ends[:20] = 3.0
    assert metrics.capture_range_mm(starts, ends) == 0.0


@pytest.mark.parametrize(
    'call',
    [
        lambda: metrics.percentile([], 50),
        lambda: metrics.success_rate([]),
        lambda: metrics.wilson_interval(3, 2),
        lambda: metrics.wilson_interval(0, 0),
        lambda: metrics.capture_range_mm([np.nan], [0.1]),
        lambda: metrics.capture_range_mm([1.0, 2.0], [0.1]),
    ],
)
def test_statistics_over_nothing_are_refused(call):
    with pytest.raises(InputError):
        call()
