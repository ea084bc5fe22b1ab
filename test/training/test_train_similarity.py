import csv
import json
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from small_ct import write_small_ct

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from xray_registration.drr import render
from xray_registration.learned.encoder import EncoderConfig
from xray_registration.learned.network import SimilarityNetworkConfig, load_similarity
from xray_registration.learned.pose_range import PoseRange
from xray_registration.learned.randomisation import RandomisationConfig
from xray_registration.learned.whole_image import WholeImageConfig
from xray_registration.training.loop import CURVE, LoopConfig
from xray_registration.training.presets import (
    SIMILARITY_PRESETS,
    WholeImageTraining,
    similarity_preset,
)
from xray_registration.training.scenes import SceneConfig, Scenes
from xray_registration.training.train_similarity import train_similarity
from xray_registration.volume.loader import load_ct

torch.set_num_threads(1)
TRAINING = replace(
    similarity_preset('tiny'),
    network=SimilarityNetworkConfig(
        EncoderConfig(4, (4, 6, 8, 8), 1, 4, (8, 2)), whole=WholeImageConfig((4, 8, 8), 6)
    ),
    whole=WholeImageTraining(loop=LoopConfig(steps=10, batch=8, rate=1e-3, log_every=5)),
    scene=SceneConfig(
        image_size=32,
        voxel_mm=6.0,
        pose_range=PoseRange(('AP', 'LAT_L')),
        randomisation=RandomisationConfig(**{f.name: 0.1 for f in fields(RandomisationConfig)}),
    ),
    loop=LoopConfig(steps=60, batch=4, rate=5e-3, log_every=20),
)


@pytest.fixture(scope='module')
def ct(tmp_path_factory):
    return load_ct(write_small_ct(tmp_path_factory.mktemp('ct') / 'ct.nii'))


@pytest.fixture(scope='module')
def trained(ct, tmp_path_factory):
    folder = tmp_path_factory.mktemp('weights')
    return folder, train_similarity([ct], TRAINING, folder, on='cpu')


def test_a_batch_is_what_it_says(ct):
    scenes = Scenes([ct], TRAINING.scene, seed=1)
    batch = scenes.draw(5, 7)
    assert batch.fixed.shape == batch.moving.shape == (5, 1, 32, 32)
    assert batch.columns.shape == (5, 6, 32, 32)
    assert 0 <= batch.fixed.min() <= batch.fixed.max() <= 1
    again = scenes.draw(5, 7)
    assert all(torch.equal(a, b) for a, b in zip(batch, again, strict=True))
    assert not torch.equal(batch.start, scenes.draw(5, 8).start)
    centre = batch.isocentre_m.numpy()
    for start, truth, offset in zip(batch.start, batch.truth, batch.offset, strict=True):
        start, truth, offset = start.numpy(), truth.numpy(), offset.item()
        turn = np.rad2deg(se3.rotation_angle(start @ np.linalg.inv(truth)))
        shift = 1e3 * np.abs(se3.apply(start, centre) - se3.apply(truth, centre))
        assert turn <= offset * 30 * np.sqrt(3) + 1e-3
        assert (shift <= 1.1 * offset * 60 + 1e-3).all()


def test_the_columns_are_the_derivative_of_the_moving_image(ct):
    scenes = Scenes([ct], TRAINING.scene, seed=2)
    batch = scenes.draw(1, 0)
    volume, step = scenes.volumes[0], 2e-4
    start = batch.start[0].double().numpy()
    for column in range(3):
        xi = np.zeros(6)
        xi[column] = step
        images = [
            render(
                volume,
                TRAINING.scene.camera,
                np.linalg.inv(se3.perturb(s * xi, np.linalg.inv(start), volume.isocentre_m)),
            ).image[0]
            for s in (1, -1)
        ]
        expected = (images[0] - images[1]) / (2 * step)
        found = batch.columns[0, column].numpy()
        assert np.corrcoef(expected.ravel(), found.ravel())[0, 1] > 0.9


def test_training_turns_gradients_homewards(trained):
    folder, _ = trained
    with (folder / CURVE).open() as file:
        rows = list(csv.DictReader(file))
    for stride in (2, 8):
        name = f'direction, stride {stride}'
        losses = [float(row['value']) for row in rows if row['name'] == name]
        # Directions that have nothing to do with each other cost 1.
        assert losses[-1] < min(0.8, losses[0])


def test_the_point_of_the_whole_image_is_trained_after_the_strides(trained):
    folder, card = trained
    with (folder / 'whole_image' / CURVE).open() as file:
        rows = list(csv.DictReader(file))
    assert {row['step'] for row in rows} == {'5', '10'}
    assert 'distances of whole images off by mm' in {row['name'] for row in rows}
    assert any(name.startswith('whole.') for name in load_file(folder / 'weights.safetensors'))
    assert card.training['seconds'] > 0


def test_images_for_the_whole_are_x_rays_and_drrs_from_beside_them(ct):
    scenes = Scenes([ct], TRAINING.scene, seed=1)
    shots = scenes.shots_and_drrs(7, 3)
    assert shots.fixed.shape == (7, 1, 32, 32)
    assert not torch.equal(scenes.draw(4, 3).truth, shots.truth[:4])
    again = scenes.shots_and_drrs(7, 3)
    assert all(torch.equal(a, b) for a, b in zip(shots, again, strict=True))
    truth, start = shots.truth[:3].double().numpy(), shots.truth[4:].double().numpy()
    turns = [
        np.rad2deg(se3.rotation_angle(a @ np.linalg.inv(b)))
        for a, b in zip(truth, start, strict=True)
    ]
    assert min(turns) > 0 and max(turns) <= 30 * np.sqrt(3)
    drr = render(scenes.volumes[0], TRAINING.scene.camera, start).image
    np.testing.assert_allclose(shots.fixed[4:, 0], drr, atol=1e-4)


def test_weights_come_with_a_card_and_load_for_their_ct_only(trained, ct):
    folder, card = trained
    assert card.pose_range['rotation_deg'] == 30.0
    assert json.loads((folder / 'card.json').read_text())['versions']['torch']
    network = load_similarity(folder, ct.sha256)
    field_mm = 297.0 * 750.0 / 1020.0  # that of the detector, at the isocentre
    expected = replace(
        TRAINING.network, image_size=32, voxel_mm=6.0, isocentre_field_mm=pytest.approx(field_mm)
    )
    assert network.config == expected
    with pytest.raises(InputError, match='another CT'):
        load_similarity(folder, '0' * 64)


def test_weights_that_do_not_fit_their_card_are_refused(trained, tmp_path, ct):
    folder, _ = trained
    values = json.loads((folder / 'card.json').read_text())
    values['config']['encoder']['stem'] = 6
    (tmp_path / 'card.json').write_text(json.dumps(values))
    (tmp_path / 'weights.safetensors').write_bytes((folder / 'weights.safetensors').read_bytes())
    with pytest.raises(InputError, match='do not fit together'):
        load_similarity(tmp_path, ct.sha256)


def test_presets_are_named():
    assert set(SIMILARITY_PRESETS) == {
        'tiny', 'bone', 'prost-m', 'prost-t', 'sopi', 'cdreg', 'paper',
    }  # fmt: skip
    with pytest.raises(InputError, match="'huge'"):
        similarity_preset('huge')


@pytest.mark.parametrize('name', ['prost-m', 'prost-t', 'sopi', 'cdreg'])
def test_earlier_methods_train_by_directions_on_their_encoders(ct, tmp_path, name):
    preset = similarity_preset(name)
    network = replace(
        preset.network, encoder=replace(preset.network.encoder, stem=4, widths=(4, 6, 8, 8))
    )
    config = replace(
        preset,
        network=network,
        scene=TRAINING.scene,
        loop=LoopConfig(steps=2, batch=2, log_every=1),
    )
    card = train_similarity([ct], config, tmp_path, on='cpu')
    assert card.config['encoder']['trunks'] == network.encoder.trunks
    with (tmp_path / CURVE).open() as file:
        names = {row['name'] for row in csv.DictReader(file)}
    assert 'direction, stride 4' in names
    assert ('decomposition' in names) == (name == 'cdreg')
    assert load_similarity(tmp_path, ct.sha256).strides == (4,)
