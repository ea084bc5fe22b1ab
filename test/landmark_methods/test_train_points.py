"""Training of both networks on a small CT: losses fall, weights are for their CT, commands."""

import csv
import json
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from small_ct import write_small_ct

from surgical_perception import cli
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from xray_registration.assembly import load_network
from xray_registration.landmarks import save_landmarks
from xray_registration.learned.coordinate_network import load_coordinate_network
from xray_registration.learned.landmark_network import load_landmark_network
from xray_registration.learned.pose_range import PoseRange
from xray_registration.learned.randomisation import RandomisationConfig
from xray_registration.learned.unet import UnetConfig
from xray_registration.learned.weights import read_card
from xray_registration.methods import METHODS
from xray_registration.training.loop import CURVE, LoopConfig
from xray_registration.training.presets import (
    COORDINATE_PRESETS,
    LANDMARK_PRESETS,
    CoordinateTraining,
    LandmarkTraining,
    coordinate_preset,
    landmark_preset,
)
from xray_registration.training.scenes import SceneConfig
from xray_registration.training.train_coordinates import EntryScenes, train_coordinates
from xray_registration.training.train_landmarks import train_landmarks
from xray_registration.volume.loader import load_ct

CALM = RandomisationConfig(
    **{f.name: 0.1 for f in fields(RandomisationConfig) if f.name != 'share'}
)
SCENE = SceneConfig(
    image_size=32,
    voxel_mm=6.0,
    pose_range=PoseRange(rotation_deg=10.0, in_plane_mm=20.0, depth_mm=20.0),
    randomisation=CALM,
)
LOOP = LoopConfig(steps=60, batch=8, rate=5e-3, log_every=10)
UNET = UnetConfig((16, 16, 32), stride=2)
LANDMARKS = LandmarkTraining(UNET, 10, SCENE, LOOP)
COORDINATES = CoordinateTraining(replace(UNET, stride=4), SCENE, LOOP)


@pytest.fixture(scope='module')
def ct_path(tmp_path_factory):
    return write_small_ct(tmp_path_factory.mktemp('ct') / 'ct.nii')


@pytest.fixture(scope='module')
def ct(ct_path):
    return load_ct(ct_path)


@pytest.fixture(scope='module')
def landmarks(ct, tmp_path_factory):
    folder = tmp_path_factory.mktemp('landmarks')
    return folder, train_landmarks(ct, LANDMARKS, folder, on='cpu')


@pytest.fixture(scope='module')
def coordinates(ct, tmp_path_factory):
    folder = tmp_path_factory.mktemp('coordinates')
    return folder, train_coordinates(ct, COORDINATES, folder, on='cpu')


def curve(folder, name):
    with (folder / CURVE).open() as file:
        return [float(row['value']) for row in csv.DictReader(file) if row['name'] == name]


def test_landmarks_are_found_better_and_better(landmarks):
    folder, card = landmarks
    losses, errors = curve(folder, 'loss'), curve(folder, 'error mm, median')
    assert losses[-1] < 0.7 * losses[0]
    assert errors[-1] < 0.5 * errors[0]
    assert len(card.config['points_m']) == 10


def test_entry_points_are_found_better_and_better(coordinates):
    folder, _ = coordinates
    losses, errors = curve(folder, 'loss'), curve(folder, 'error mm, median')
    assert losses[-1] < losses[0] - 0.5
    assert errors[-1] < 0.7 * errors[0]
    assert curve(folder, 'bone told from air, share')[-1] > 0.7


def test_entry_shots_are_repeated_and_on_the_rays_of_their_locations(ct):
    scenes = EntryScenes(ct, COORDINATES)
    shots, again = scenes.draw(3, 5), scenes.draw(3, 5)
    np.testing.assert_array_equal(shots.points_m, again.points_m)
    assert shots.points_m.shape == (3, 3, 8, 8)
    truth = scenes._scenes.shots(3, 5).truth.numpy()
    points = shots.points_m.permute(0, 2, 3, 1).numpy()
    for pose, seen in zip(truth, points, strict=True):
        v, u = np.nonzero(np.isfinite(seen).all(-1))
        pixels = SCENE.camera.project(se3.apply(pose, seen[v, u]))
        np.testing.assert_allclose(pixels, 4 * np.column_stack([u, v]) + 1.5, atol=1e-2)
        assert len(v) > 5


@pytest.mark.parametrize('method', ['landmarks', 'scene_coordinates'])
def test_weights_load_for_their_ct_only_and_fit_their_card(request, ct, tmp_path, method):
    folder, card = request.getfixturevalue(
        {'landmarks': 'landmarks', 'scene_coordinates': 'coordinates'}[method]
    )
    kind = METHODS[method].needs
    assert card.weights_sha256 == read_card(folder).weights_sha256
    assert (card.kind, card.agnostic) == (kind, False)
    network = load_network(kind, folder, ct.sha256)
    assert network.config.camera == SCENE.camera
    assert network.config.as_values() == card.config
    with pytest.raises(InputError, match='another CT'):
        load_network(kind, folder, '0' * 64)
    other = {'landmarks': load_coordinate_network, 'scene_coordinates': load_landmark_network}
    with pytest.raises(InputError, match='of kind'):
        other[method](folder, ct.sha256)
    values = json.loads((folder / 'card.json').read_text())
    values['config']['unet']['widths'] = [8, 16, 32]
    (tmp_path / 'card.json').write_text(json.dumps(values))
    (tmp_path / 'weights.safetensors').write_bytes((folder / 'weights.safetensors').read_bytes())
    with pytest.raises(InputError, match='do not fit together'):
        load_network(kind, tmp_path, ct.sha256)


def test_landmarks_that_are_given_are_those_that_are_trained(ct, ct_path, tmp_path):
    rng = np.random.default_rng(0)
    points = {f'p{i}': ct.isocentre_m + rng.uniform(-0.05, 0.05, 3) for i in range(7)}
    file = tmp_path / 'points.json'
    save_landmarks(file, points, ct)
    words = ['train', 'landmarks', '--ct', ct_path, '--out', tmp_path / 'out']
    words += ['--landmarks', file, '--steps', '1', '--device', 'cpu']
    assert cli.main([str(word) for word in words]) == 0
    network = load_landmark_network(tmp_path / 'out', ct.sha256)
    assert list(network.config.points_m) == list(points)
    np.testing.assert_allclose(list(network.config.points_m.values()), list(points.values()))
    with pytest.raises(InputError, match='5 landmarks are too few'):
        train_landmarks(ct, LANDMARKS, tmp_path / 'few', dict(list(points.items())[:5]))


def test_the_command_trains_scene_coordinates(ct, ct_path, tmp_path):
    words = ['train', 'scene-coordinates', '--ct', str(ct_path), '--out', str(tmp_path)]
    assert cli.main([*words, '--steps', '1', '--device', 'cpu']) == 0
    assert load_coordinate_network(tmp_path, ct.sha256).config.unet.stride == 4


def test_a_checkpoint_of_other_landmarks_is_refused(ct, landmarks):
    folder, _ = landmarks
    points = {f'p{i}': ct.isocentre_m + 0.01 * i for i in range(10)}
    with pytest.raises(InputError, match='other settings'):
        train_landmarks(ct, LANDMARKS, folder, points, on='cpu')


def test_presets_are_named_and_their_images_suit_their_networks():
    for presets in (LANDMARK_PRESETS, COORDINATE_PRESETS):
        assert set(presets) == {'tiny', 'paper'}
        for preset in presets.values():
            assert preset.scene.image_size % 2 ** len(preset.unet.widths) == 0
    for preset in (landmark_preset, coordinate_preset):
        with pytest.raises(InputError, match="'huge'"):
            preset('huge')


def test_gradients_reach_every_weight(ct):
    from xray_registration.training.coordinate_loss import CoordinateLoss
    from xray_registration.training.train_coordinates import CoordinateNetworkConfig

    about = CoordinateNetworkConfig(
        COORDINATES.unet, SCENE.camera, tuple(ct.isocentre_m.tolist()), 750.0
    )
    torch.manual_seed(0)
    module = CoordinateLoss(about.unet_of(), about)
    module(EntryScenes(ct, COORDINATES).draw(2, 0))[0].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())
