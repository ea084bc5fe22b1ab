"""Geometry that is estimated beside the pose: two views against each other, and their SDD."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from surgical_perception.evaluation.metrics import mtre_mm
from surgical_perception.geometry import se3
from xray_registration.config import CalibrationConfig
from xray_registration.objective import LevelObjective
from xray_registration.registration import register
from xray_registration.simulation.siddon import project
from xray_registration.views import View
from xray_registration.volume.attenuation import AttenuationConfig

ROTATION_SIGMA_DEG, TRANSLATION_SIGMA_MM = 0.7, 3.0


@pytest.fixture(scope='module')
def side_from_front(ct, carm_from_ct):
    """A C-arm that has swung by 70 degrees about the patient's long axis."""
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler('z', 70, degrees=True).as_matrix()
    turn[:3, 3] = ct.isocentre_m - turn[:3, :3] @ ct.isocentre_m
    return carm_from_ct @ turn @ se3.inverse(carm_from_ct)


@pytest.fixture(scope='module')
def side(ct, camera, carm_from_ct, side_from_front):
    xray = project(
        ct, camera, side_from_front @ carm_from_ct, AttenuationConfig(22.0, -900.0, 1.2)
    )
    return View(xray, camera, side_from_front)


@pytest.fixture(scope='module')
def misplaced(ct, side, carm_from_ct):
    """The same view with a place that is wrong by 4 mm and 0.8 degrees."""
    centre = se3.apply(side.camera_from_reference @ carm_from_ct, ct.isocentre_m)
    error = np.r_[[2e-3, -3e-3, 1.7e-3], np.deg2rad([0.5, -0.4, 0.5])]
    wrong = se3.perturb(error, side.camera_from_reference, centre)
    return replace(side, camera_from_reference=wrong)


def error_mm(views, volumes, start, config, truth, points):
    result = register(views, volumes, start, config)
    return mtre_mm(result.reference_from_ct, truth, points), result


def test_a_misplaced_view_is_put_where_it_was(
    view, side, misplaced, volumes, config, carm_from_ct, bone_points
):
    views = [view, misplaced]
    fixed_mm, _ = error_mm(views, volumes, carm_from_ct, config, carm_from_ct, bone_points)
    priors = CalibrationConfig(ROTATION_SIGMA_DEG, TRANSLATION_SIGMA_MM)
    free = replace(config, calibration=priors)
    free_mm, result = error_mm(views, volumes, carm_from_ct, free, carm_from_ct, bone_points)
    assert fixed_mm > 1
    assert free_mm < 0.4 * fixed_mm
    corrected = result.calibration.corrected(views, result.reference_from_ct)
    np.testing.assert_array_equal(corrected[0].camera_from_reference, np.eye(4))
    before, after = (
        mtre_mm(
            each.camera_from_reference @ carm_from_ct,
            side.camera_from_reference @ carm_from_ct,
            bone_points,
        )
        for each in (misplaced, corrected[1])
    )
    assert after < 0.4 * before
    assert 'view 2: ' in result.calibration.text()


def test_uncertain_geometry_makes_an_uncertain_pose(view, side, volumes, config, carm_from_ct):
    exact = register([view, side], volumes, carm_from_ct, config)
    priors = CalibrationConfig(ROTATION_SIGMA_DEG, TRANSLATION_SIGMA_MM)
    loose = register([view, side], volumes, carm_from_ct, replace(config, calibration=priors))
    # What the side view tells of the front view's depth is worth less.
    assert loose.sigma_mm[2] > 2 * exact.sigma_mm[2]


@pytest.mark.parametrize('percent', [-2.0, 2.0])
def test_a_wrong_sdd_is_found_by_two_views(
    view, side, volumes, config, carm_from_ct, bone_points, percent
):
    factor = 1 + percent / 100
    views = [
        replace(
            each,
            camera=replace(each.camera, fx=factor * each.camera.fx, fy=factor * each.camera.fy),
        )
        for each in (view, side)
    ]
    fixed_mm, _ = error_mm(views, volumes, carm_from_ct, config, carm_from_ct, bone_points)
    free = replace(config, calibration=CalibrationConfig(sdd_percent=3.0))
    free_mm, result = error_mm(views, volumes, carm_from_ct, free, carm_from_ct, bone_points)
    assert free_mm < 0.5 * fixed_mm
    np.testing.assert_allclose(np.exp(result.calibration.log_sdd), 1 / factor, atol=0.005)


def test_geometry_stays_where_it_is_right(view, side, volumes, config, carm_from_ct):
    priors = CalibrationConfig(ROTATION_SIGMA_DEG, TRANSLATION_SIGMA_MM, 1.0)
    result = register([view, side], volumes, carm_from_ct, replace(config, calibration=priors))
    shift_mm = 1e3 * np.linalg.norm(result.calibration.view_twists[1, :3])
    assert shift_mm < TRANSLATION_SIGMA_MM
    assert np.abs(result.calibration.log_sdd).max() < 0.01


def test_without_priors_nothing_is_estimated(view, volumes, config, carm_from_ct):
    assert register([view], volumes, carm_from_ct, config).calibration is None


def test_the_columns_of_the_geometry_are_derivatives(
    view, side, volumes, config, carm_from_ct, ct
):
    """Central differences of the cost against the gradient, at geometry that is off."""
    from xray_registration.calibration import Setup, _Problem

    objective = LevelObjective([view, side], volumes, config.levels[1], config)
    priors = CalibrationConfig(ROTATION_SIGMA_DEG, TRANSLATION_SIGMA_MM, 1.0)
    problem = _Problem(objective, ct.isocentre_m, priors, 1e-5)
    twists = np.zeros((2, 6))
    twists[1] = [1e-3, -2e-3, 1e-3, 0.005, 0.004, -0.006]
    offset = np.array([2e-3, 1e-3, -2e-3, 0.01, -0.008, 0.006])
    pose = se3.perturb(offset, se3.inverse(carm_from_ct), ct.isocentre_m)
    setup = Setup(pose, twists, np.array([0.004, -0.006]))
    gradient = problem.linearise(problem.evaluate(setup)).gradient
    steps = np.r_[
        np.full(3, 4e-4), np.full(3, 2e-3), np.full(3, 4e-4), np.full(3, 2e-3), 2e-3, 2e-3
    ]
    numeric = []
    for index, step in enumerate(steps):
        xi = np.zeros(len(steps))
        xi[index] = step
        ahead, behind = (problem.evaluate(problem.moved(setup, s * xi)).cost for s in (1, -1))
        numeric.append((ahead - behind) / (2 * step))
    # A change by step of each column: metres and radians on one scale.
    np.testing.assert_allclose(
        gradient * steps, numeric * steps, atol=0.05 * np.abs(numeric * steps).max()
    )
