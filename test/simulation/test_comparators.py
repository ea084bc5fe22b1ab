"""The loss of method diffpose has honest gradients, ours and DiffDRR's, against differences."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'benchmarks'))

from diffdrr_renderer import DiffDrrRenderer

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.geometry.frames import carm_from_ct_at
from xray_registration.drr import render
from xray_registration.methods.diffpose import RenderedLoss
from xray_registration.solvers import adam
from xray_registration.solvers.adam import motion
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


def ours(view, volume, start):
    return RenderedLoss([view], volume, start, volume.isocentre_m, 48)


def diffdrr(view, volume, start):
    return DiffDrrRenderer(view, volume, start, 48)


@pytest.mark.parametrize('renderer', [ours, diffdrr])
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
        for renderer in (ours, diffdrr)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)
    assert losses[0] > 0.05


def test_adam_finds_the_pose(view, volume, start, monkeypatch):
    monkeypatch.setattr(adam, 'MAX_STEPS', 80)
    loss = ours(view, volume, start).loss_and_gradient
    found = adam.minimise(loss, start, volume.isocentre_m, lambda: False)
    truth = motion(ROTATION, TRANSLATION_MM, volume.isocentre_m) @ start
    error_before = se3.log(se3.inverse(truth) @ start)
    error_after = se3.log(se3.inverse(truth) @ found.ct_from_reference)
    assert np.linalg.norm(error_after[3:]) < 0.1 * np.linalg.norm(error_before[3:])
