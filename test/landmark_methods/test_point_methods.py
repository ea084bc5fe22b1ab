"""The methods with networks that know the truth: any camera, several views, nothing seen."""

import numpy as np
import pytest
import torch
from small_ct import write_small_ct

from surgical_perception.geometry import frames, se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.config import GateConfig, RegistrationConfig
from xray_registration.drr import render
from xray_registration.learned import heatmaps
from xray_registration.learned.coordinate_network import (
    CoordinateNetwork,
    CoordinateNetworkConfig,
)
from xray_registration.learned.landmark_network import LandmarkNetwork, LandmarkNetworkConfig
from xray_registration.learned.pose_range import PoseRange
from xray_registration.learned.unet import UnetConfig
from xray_registration.pipeline import RegistrationPipeline
from xray_registration.result import SolverStatus, Verdict
from xray_registration.training.entry_points import EntryPoints
from xray_registration.training.spread_points import spread_points
from xray_registration.views import View
from xray_registration.volume.attenuation import attenuation_from_ct
from xray_registration.volume.loader import load_ct

TRAINED = PinholeCamera.from_carm(64, 64, 1020.0, 297.0 / 64)
# Finer pixels, another SDD, a shifted detector.
OTHER = PinholeCamera.from_carm(240, 200, 1200.0, 1.6, x0_mm=12.0, y0_mm=-8.0)
NEEDS = {'landmarks': 'landmarks', 'scene_coordinates': 'scene-coordinates'}


class Scene:
    """A CT, and networks that say what a camera sees of it from a pose [4, 4]."""

    def __init__(self, path):
        self.ct = load_ct(path)
        self.volume = attenuation_from_ct(self.ct)
        self.points_m = spread_points(self.ct, 16, 0.08)
        self.entry_points = EntryPoints(self.ct)

    def view(self, camera, carm_from_ct, camera_from_reference=None):
        reference = np.eye(4) if camera_from_reference is None else camera_from_reference
        return View(render(self.volume, camera, carm_from_ct).image[0], camera, reference)

    def network(self, method, poses):
        """Return a network that is shown X-rays from these poses, one after the other."""
        if method == 'landmarks':
            places = {name: tuple(point) for name, point in self.points_m.items()}
            config = LandmarkNetworkConfig(UnetConfig(stride=2), TRAINED, places)
            return LandmarkNetwork(config, Knowing([self.heatmaps(pose) for pose in poses]))
        centre = tuple(self.ct.isocentre_m)
        config = CoordinateNetworkConfig(UnetConfig(stride=4), TRAINED, centre, 750.0)
        return CoordinateNetwork(config, Knowing([self.coordinates(pose) for pose in poses]))

    def heatmaps(self, pose):
        seen = se3.apply(pose, np.array(list(self.points_m.values())))
        cells = torch.as_tensor((TRAINED.project(seen) - 0.5) / 2)
        wanted = heatmaps.target(cells, 32, 32, 0.6)[:, :-1].reshape(-1, 32, 32)
        return torch.log(wanted + 1e-9) + 12

    def coordinates(self, pose):
        points = self.entry_points.seen(TRAINED.binned(4), pose[None])[0]
        enters = np.isfinite(points).all(-1)
        away = np.where(enters[..., None], points - self.ct.isocentre_m, 0) / 0.1
        # A tenth of what is known for sure is wrong all the same.
        away[::3, ::4] = np.random.default_rng(0).uniform(-1, 1, away[::3, ::4].shape)
        maps = [*np.moveaxis(away, -1, 0), np.full(enters.shape, np.log(0.02)), enters * 20 - 10]
        return torch.as_tensor(np.stack(maps))


class Knowing:
    """A U-Net whose maps are given."""

    def __init__(self, maps):
        self._maps = maps

    def maps(self, image):
        assert image.shape == (64, 64)
        return self._maps.pop(0)


@pytest.fixture(scope='module')
def scene(tmp_path_factory):
    return Scene(write_small_ct(tmp_path_factory.mktemp('ct') / 'ct.nii'))


def registered(scene, method, views, poses, **settings):
    gate = GateConfig(test_mirrored=False, advise=False)
    config = RegistrationConfig(method=method, gate=gate, **settings)
    networks = {NEEDS[method]: scene.network(method, poses)}
    return RegistrationPipeline(scene.ct, config, networks).register(views)


def drawn(scene, seed, *positions):
    around = PoseRange(positions or frames.POSITIONS, 20.0, 20.0, 20.0)
    return around.draw(1, scene.ct.isocentre_m, np.random.default_rng(seed))[0]


def errors(result, truth, isocentre_m):
    away = se3.apply(result.reference_from_ct, isocentre_m) - se3.apply(truth, isocentre_m)
    turn = se3.rotation_angle(result.reference_from_ct @ se3.inverse(truth))
    return 1e3 * np.linalg.norm(away), np.rad2deg(turn)


@pytest.mark.parametrize('method', NEEDS)
@pytest.mark.parametrize('camera', [TRAINED, OTHER])
def test_what_is_seen_in_any_camera_gives_the_pose(scene, method, camera):
    pose = drawn(scene, 1)
    reference = se3.exp(np.array([0.3, -0.1, 0.2, 0.4, 0.1, -0.2]))
    view = scene.view(camera, pose, reference)
    result = registered(scene, method, [view], [pose])
    shift_mm, turn_deg = errors(result, se3.inverse(reference) @ pose, scene.ct.isocentre_m)
    assert shift_mm < 3.0
    assert turn_deg < 0.5
    assert result.status is SolverStatus.CONVERGED
    assert result.iterations > 0


@pytest.mark.parametrize('method', NEEDS)
def test_two_views_give_one_pose(scene, method):
    poses = [drawn(scene, 2, 'AP'), drawn(scene, 3, 'LAT_L')]
    second_from_first = poses[1] @ se3.inverse(poses[0])
    views = [scene.view(TRAINED, poses[0]), scene.view(OTHER, poses[1], second_from_first)]
    result = registered(scene, method, views, poses)
    shift_mm, turn_deg = errors(result, poses[0], scene.ct.isocentre_m)
    assert shift_mm < 0.5
    assert turn_deg < 0.5
    assert result.status is SolverStatus.CONVERGED


@pytest.mark.parametrize('method', NEEDS)
def test_a_network_that_sees_nothing_gives_no_pose(scene, method):
    pose = drawn(scene, 4, 'LAT_R')
    network = scene.network(method, [pose])
    network._unet = Knowing([torch.full_like(network._unet.maps(np.zeros((64, 64))), -20.0)])
    scene_of_nothing = type('Blind', (), {'ct': scene.ct, 'network': lambda *_: network})()
    result = registered(scene_of_nothing, method, [scene.view(TRAINED, pose)], [pose])
    assert result.status is SolverStatus.DIVERGED
    assert result.verdict is Verdict.REJECTED
    nominal = frames.carm_from_ct_at('AP', scene.ct.isocentre_m, 0.75)
    np.testing.assert_allclose(result.reference_from_ct, nominal, atol=1e-9)


def test_what_the_view_masks_is_not_used(scene):
    pose = drawn(scene, 5)
    view = scene.view(OTHER, pose)
    mask = np.zeros(view.image.shape, bool)
    mask[:, 140:] = True
    network = scene.network('scene_coordinates', [pose, pose])
    everything = network.sighting(view)[1]
    some = network.sighting(View(view.image, OTHER, mask=mask))[1]
    right = everything[everything[:, 0] > 140]
    assert 10 < len(right) < 0.7 * len(everything)
    np.testing.assert_array_equal(some, right)


@pytest.mark.parametrize('method', NEEDS)
def test_past_the_time_limit_the_result_says_so(scene, method):
    pose = drawn(scene, 1)
    result = registered(scene, method, [scene.view(TRAINED, pose)], [pose], timeout_s=-1.0)
    assert result.status is SolverStatus.TIMEOUT
