"""Template matching of DRRs: translations that are known must come out."""

from dataclasses import replace

import numpy as np
import pytest

from surgical_perception.geometry import frames, se3
from xray_registration.config import PyramidLevel, RegistrationConfig
from xray_registration.drr import render
from xray_registration.search.alignment import Aligner
from xray_registration.views import View

LEVEL = PyramidLevel(32, 6.0, 'global_ncc', 0)
PATIENT_FROM_CT = se3.exp(np.array([0.2, -0.1, 0.05, 0.3, 0.1, -0.7]))


def drr_view(volumes, camera, carm_from_ct, reference_from_ct):
    image = render(volumes.at(3.0), camera, carm_from_ct).image[0]
    return View(image, camera, carm_from_ct @ se3.inverse(reference_from_ct))


def moved(carm_from_ct, shift_mm):
    pose = carm_from_ct.copy()
    pose[:3, 3] += 1e-3 * np.array(shift_mm)
    return pose


def pixel_m(camera, carm_from_ct, isocentre_m):
    """Return the size of a matched pixel at the isocentre."""
    return se3.apply(carm_from_ct, isocentre_m)[2] / camera.binned(4).fx


@pytest.mark.parametrize('shift_mm', [(40, 0, 0), (0, -35, 0), (-25, 30, 0), (0, 0, 0)])
@pytest.mark.parametrize('masked', [False, True])
def test_one_view_finds_a_shift_in_its_plane(volumes, camera, carm_from_ct, shift_mm, masked):
    view = drr_view(volumes, camera, carm_from_ct, carm_from_ct)
    if masked:
        spoilt, mask = view.image.copy(), np.ones(view.image.shape, bool)
        spoilt[32:56, 40:64], mask[32:56, 40:64] = 50.0, False
        view = replace(view, image=spoilt, mask=mask)
    found, score = Aligner([view], volumes, LEVEL, RegistrationConfig())(
        moved(carm_from_ct, shift_mm)
    )
    error_m = np.abs(found[:3, 3] - carm_from_ct[:3, 3]).max()
    assert error_m < 0.6 * pixel_m(camera, carm_from_ct, volumes.isocentre_m)
    assert np.array_equal(found[:3, :3], carm_from_ct[:3, :3])
    assert score > 0.95


def test_two_views_find_the_depth_too(volumes, camera, carm_from_ct):
    lateral = frames.carm_from_ct_at('LAT_L', volumes.isocentre_m, 0.7)
    views = [drr_view(volumes, camera, pose, PATIENT_FROM_CT) for pose in (carm_from_ct, lateral)]
    shift_mm = np.array([20.0, -15.0, 50.0])
    start = PATIENT_FROM_CT.copy()
    start[:3, 3] += 1e-3 * views[0].camera_from_reference[:3, :3].T @ shift_mm

    def left_mm(views):
        found = Aligner(views, volumes, LEVEL, RegistrationConfig())(start)
        left = found.reference_from_ct[:3, 3] - PATIENT_FROM_CT[:3, 3]
        return 1e3 * views[0].camera_from_reference[:3, :3] @ left

    grid_mm = 1e3 * pixel_m(camera, carm_from_ct, volumes.isocentre_m)
    assert np.abs(left_mm(views)).max() < 1.5 * grid_mm
    assert left_mm(views[:1])[2] == pytest.approx(shift_mm[2])


def test_a_shift_beyond_the_range_is_not_made(volumes, camera, carm_from_ct):
    view = drr_view(volumes, camera, carm_from_ct, carm_from_ct)
    near = replace(RegistrationConfig().multistart, in_plane_mm=10.0)
    config = RegistrationConfig(multistart=near)
    start = moved(carm_from_ct, (40, 0, 0))
    found, _ = Aligner([view], volumes, LEVEL, config)(start)
    assert np.abs(found[:3, 3] - start[:3, 3]).max() <= 0.010


@pytest.mark.parametrize('where', ['behind the source', 'far beside the beam'])
def test_nothing_to_see_is_no_match(volumes, camera, carm_from_ct, where):
    view = drr_view(volumes, camera, carm_from_ct, carm_from_ct)
    away = carm_from_ct.copy()
    away[:3, 3] += [0, 0, -3] if where == 'behind the source' else [3, 0, 0]
    found, score = Aligner([view], volumes, LEVEL, RegistrationConfig())(away)
    assert score == -1
    assert np.isfinite(found).all()
