"""The C-arm's orbit: rigid, smooth, within its limits, and looking at the patient."""

from dataclasses import replace

import numpy as np
import pytest

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.frames import carm_from_ct_at
from xray_registration.simulation.trajectory import OrbitConfig, orbit

ISOCENTRE_M = np.array([0.02, -0.15, 0.9])
CONFIG = OrbitConfig(frames=80, rate_hz=8.0)


@pytest.fixture(scope='module')
def poses():
    return orbit(ISOCENTRE_M, CONFIG, start_ns=5)


def test_stamps_follow_the_rate(poses):
    stamps = [p.stamp_ns for p in poses]
    assert stamps[0] == 5
    assert set(np.diff(stamps)) == {125_000_000}


def test_it_starts_at_the_named_position(poses):
    nominal = carm_from_ct_at('AP', ISOCENTRE_M, 0.7)
    np.testing.assert_allclose(se3.inverse(poses[0].patient_from_carm), nominal, atol=1e-12)


def test_it_swings_over_its_range_about_the_long_axis(poses):
    depth_axes = np.array([p.patient_from_carm[:3, 2] for p in poses])
    orbital_deg = np.degrees(np.arctan2(-depth_axes[:, 0], depth_axes[:, 1]))
    assert orbital_deg.max() == pytest.approx(25.0, abs=0.1)
    assert orbital_deg.min() == pytest.approx(-25.0, abs=0.1)
    cranial_deg = np.degrees(np.arcsin(depth_axes[:, 2]))
    assert np.abs(cranial_deg).max() == pytest.approx(8.0, abs=0.1)


def test_the_patient_stays_in_the_middle_and_the_source_at_its_distance(poses):
    for pose in poses:
        isocentre = se3.apply(se3.inverse(pose.patient_from_carm), ISOCENTRE_M)
        assert np.linalg.norm(isocentre - [0, 0, 0.7]) < 0.012 * np.sqrt(3) + 1e-9
        u, v = CONFIG.camera.project(isocentre)
        assert 80 < u < 175 and 80 < v < 175


def test_it_is_smooth_and_closed(poses):
    ring = [p.patient_from_carm for p in poses]
    steps = np.array(
        [se3.log(se3.inverse(a) @ b) for a, b in zip(ring, ring[1:] + ring[:1], strict=True)]
    )
    for step in steps:
        assert np.linalg.norm(step[3:]) < np.deg2rad(3)
    change = np.abs(steps - np.roll(steps, 1, axis=0)).max()
    assert change < 0.15 * np.abs(steps).max()


def test_the_camera_covers_the_detector():
    camera = replace(CONFIG, image_size=512).camera
    assert camera.fx == pytest.approx(1020 / 297 * 512)
    assert (camera.cx, camera.cy) == (255.5, 255.5)


@pytest.mark.parametrize(
    'change', [{'frames': 0}, {'rate_hz': 0.0}, {'source_to_isocentre_mm': 1100.0}]
)
def test_impossible_orbits_are_refused(change):
    with pytest.raises(InputError):
        orbit(ISOCENTRE_M, replace(CONFIG, **change))
