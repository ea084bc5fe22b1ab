"""The benchmark's comparators get honest gradients: ours and DiffDRR's, against differences."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'benchmarks'))

import adam
from adam import motion, optimise
from adam_renderers import DiffDrrRenderer, OurRenderer, left_jacobian
from multiscale_ncc import multiscale_ncc_loss
from scipy.spatial.transform import Rotation

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.geometry.frames import carm_from_ct_at
from xray_registration.drr import render
from xray_registration.views import View
from xray_registration.volume.attenuation import AttenuationVolume

ROTATION, TRANSLATION_MM = np.array([0.06, -0.04, 0.05]), np.array([3.0, -2.0, 5.0])


@pytest.fixture(scope='module')
def volume():
    mu = 20 * np.clip(
        gaussian_filter(np.random.default_rng(0).random((40, 36, 44)), 4) - 0.5, 0, 1
    )
    mu = np.float32(mu / mu.max() * 40)
    affine = np.diag([3e-3, 3e-3, 3e-3, 1.0])
    affine[:3, 3] = [0.02, -0.2, 0.1]
    return AttenuationVolume(mu, affine)


@pytest.fixture(scope='module')
def start(volume):
    return se3.inverse(carm_from_ct_at('AP', volume.isocentre_m, 0.7))


@pytest.fixture(scope='module')
def view(volume, start):
    camera = PinholeCamera.from_carm(48, 48, 1020.0, 4.0)
    truth = motion(ROTATION, TRANSLATION_MM, volume.isocentre_m) @ start
    return View(render(volume, camera, se3.inverse(truth)).image[0], camera)


@pytest.mark.parametrize('renderer', [OurRenderer, DiffDrrRenderer])
def test_gradients_match_differences_away_from_zero(renderer, view, volume, start):
    problem = renderer(view, volume, start)
    at = np.r_[0.5 * ROTATION + 0.02, 0.5 * TRANSLATION_MM]
    _, gradient = problem.loss_and_gradient(at[:3], at[3:])
    steps = np.r_[[2e-3] * 3, [0.3] * 3]
    differences = []
    for axis, step in enumerate(steps):
        shift = np.eye(6)[axis] * step
        high, low = at + shift, at - shift
        a, _ = problem.loss_and_gradient(high[:3], high[3:])
        b, _ = problem.loss_and_gradient(low[:3], low[3:])
        differences.append((a - b) / (2 * step))
    scale = np.r_[[150.0] * 3, [1.0] * 3]  # a radian moves points of this volume by 150 mm
    np.testing.assert_allclose(
        gradient / scale, differences / scale, atol=0.03 * np.abs(differences / scale).max()
    )


def test_both_renderers_have_the_same_loss(view, volume, start):
    losses = [
        renderer(view, volume, start).loss_and_gradient(np.zeros(3), np.array([1.0, 2.0, 3.0]))[0]
        for renderer in (OurRenderer, DiffDrrRenderer)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)
    assert losses[0] > 0.05


def test_adam_finds_the_pose(view, volume, start, monkeypatch):
    monkeypatch.setattr(adam, 'MAX_STEPS', 80)
    found = optimise(OurRenderer(view, volume, start), start, volume.isocentre_m)
    truth = motion(ROTATION, TRANSLATION_MM, volume.isocentre_m) @ start
    error_before = se3.log(se3.inverse(truth) @ start)
    error_after = se3.log(se3.inverse(truth) @ found.ct_from_carm)
    assert np.linalg.norm(error_after[3:]) < 0.1 * np.linalg.norm(error_before[3:])


def test_the_left_jacobian_is_the_derivative_of_the_rotation():
    w, dw = np.array([0.4, -0.7, 0.2]), 1e-6 * np.array([1.0, 2.0, -1.5])
    turned = Rotation.from_rotvec(w + dw) * Rotation.from_rotvec(w).inv()
    np.testing.assert_allclose(turned.as_rotvec(), left_jacobian(w) @ dw, rtol=1e-5)


def test_multiscale_ncc_is_blind_to_gain_and_offset_and_sees_patches():
    rng = np.random.default_rng(0)
    image = torch.from_numpy(gaussian_filter(rng.random((40, 40)), 1.5).astype(np.float32))
    assert multiscale_ncc_loss(3 * image + 2, image).item() == pytest.approx(0, abs=0.02)
    assert multiscale_ncc_loss(-image, image).item() == pytest.approx(2, abs=0.03)
    other = torch.from_numpy(gaussian_filter(rng.random((40, 40)), 1.5).astype(np.float32))
    assert multiscale_ncc_loss(other, image).item() == pytest.approx(1, abs=0.2)
