"""Method `spherical` from parameters and files, as node and command line run it."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from small_ct import write_small_ct

from surgical_perception import cli
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.geometry.frames import carm_from_ct_at
from xray_registration.assembly import load_pipeline
from xray_registration.config import RegistrationConfig
from xray_registration.learned import weights
from xray_registration.learned.encoder import EncoderConfig
from xray_registration.learned.network import (
    SimilarityNetwork,
    SimilarityNetworkConfig,
    config_for_card,
)
from xray_registration.parameter_groups import (
    CtParameters,
    RegionParameters,
    WeightsParameters,
)
from xray_registration.parameters import XrayRegistrationParameters
from xray_registration.registration import register
from xray_registration.simulation.siddon import project
from xray_registration.views import View
from xray_registration.volume.attenuation import AttenuationConfig, attenuation_from_ct
from xray_registration.volume.loader import load_ct

torch.set_num_threads(1)
CAMERA = PinholeCamera.from_carm(128, 128, sdd_mm=1000.0, du_mm=1.2)


@pytest.fixture(scope='module')
def ct_path(tmp_path_factory):
    return write_small_ct(tmp_path_factory.mktemp('ct') / 'ct.nii')


def write_weights(folder, ct_sha256):
    torch.manual_seed(0)
    config = SimilarityNetworkConfig(EncoderConfig(4, (6, 8, 8, 8), 1, 6))
    card = weights.Card('similarity', (ct_sha256,), False, config_for_card(config), {})
    weights.save(folder, SimilarityNetwork(config).state_dict(), card)
    return folder


def parameters(ct_path, folder, init='parameter', method='spherical'):
    return XrayRegistrationParameters(
        method=method,
        init=init,
        init_pose=(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        ct=CtParameters(path=str(ct_path)),
        weights=WeightsParameters(path=str(folder) if method == 'spherical' else ''),
    )


def shot(ct):
    """Return the View of an AP X-ray, its pose and the isocentre (m, ct)."""
    isocentre_m = attenuation_from_ct(ct).isocentre_m
    pose = carm_from_ct_at('AP', isocentre_m, 0.75)
    view = View(project(ct, CAMERA, pose, AttenuationConfig(22.0, -900.0, 1.3)), CAMERA, np.eye(4))
    return view, pose, isocentre_m


def test_the_pipeline_of_the_node_registers_with_a_network(ct_path, tmp_path):
    ct = load_ct(ct_path)
    folder = write_weights(tmp_path, ct.sha256)
    pipeline = load_pipeline(parameters(ct_path, folder))
    assert [level.stride for level in pipeline.config.levels][:2] == [16, 4]
    view, pose, isocentre_m = shot(ct)
    twist = np.array([0.004, -0.003, 0.004, 0.03, 0.04, -0.03])
    start = se3.perturb(twist, pose, np.array([0, 0, 0.75]))
    result = pipeline.register([view], start)
    error = se3.apply(result.reference_from_ct, isocentre_m) - se3.apply(pose, isocentre_m)
    assert 1e3 * np.linalg.norm(error[:2]) < 0.5


def test_a_search_is_that_of_the_untrained_levels(ct_path, tmp_path):
    """Also where a network that knows nothing was led astray from the start."""
    ct = load_ct(ct_path)
    folder = write_weights(tmp_path, ct.sha256)
    view, pose, _ = shot(ct)
    lm = load_pipeline(parameters(ct_path, folder, 'previous', 'lm'))
    spherical = load_pipeline(parameters(ct_path, folder, 'previous'))
    twist = np.array([0.05, -0.06, 0.05, 0.6, -0.7, 0.6])
    expected, found = (p.register([view], None) for p in (lm, spherical))
    np.testing.assert_array_equal(found.reference_from_ct, expected.reference_from_ct)
    start = se3.perturb(twist, pose, np.array([0, 0, 0.75]))
    expected, found = (p.register([view], start) for p in (lm, spherical))
    difference = found.reference_from_ct @ se3.inverse(expected.reference_from_ct)
    assert np.abs(se3.log(difference)).max() < 2e-3


def test_the_network_of_another_patient_stops_the_node_at_configure(ct_path, tmp_path):
    folder = write_weights(tmp_path, 'f' * 64)
    with pytest.raises(InputError, match='trained for another CT'):
        load_pipeline(parameters(ct_path, folder))


def test_without_weights_the_method_says_what_it_needs(ct_path):
    conflicts = XrayRegistrationParameters(method='spherical').conflicts()
    assert any('weights.path is empty' in text for text in conflicts)
    view = View(np.random.default_rng(0).random((128, 128)).astype(np.float32), CAMERA, np.eye(4))
    with pytest.raises(InputError, match='method spherical needs weights'):
        register(
            [view],
            attenuation_from_ct(load_ct(ct_path)),
            np.eye(4),
            RegistrationConfig(method='spherical'),
        )


def test_a_method_that_needs_a_start_cannot_be_told_to_search():
    conflicts = XrayRegistrationParameters(method='diffpose', init='multistart').conflicts()
    assert any('diffpose needs a start' in text for text in conflicts)
    assert XrayRegistrationParameters(method='lm', init='multistart').conflicts() == []


@pytest.mark.parametrize('method, fits', [('spherical', True), ('regressor', False)])
def test_a_segmented_bone_is_for_methods_that_look_around_it(method, fits):
    given = XrayRegistrationParameters(
        method=method, init='parameter', region=RegionParameters(kind='projection')
    )
    assert any('compares whole images' in text for text in given.conflicts()) != fits


def test_train_writes_weights_for_its_ct(ct_path, tmp_path, capsys):
    words = ['train', 'similarity', '--ct', str(ct_path), '--out', str(tmp_path), '--steps', '2']
    assert cli.main([*words, '--device', 'cpu']) == 0
    card = json.loads((tmp_path / 'card.json').read_text())
    assert card['ct_sha256'] == [load_ct(ct_path).sha256]
    assert not card['agnostic']
    # The run is finished: the same command has nothing to do, another seed another checkpoint.
    assert cli.main([*words, '--device', 'cpu']) == 0
    assert cli.main([*words, '--device', 'cpu', '--seed', '1']) == 2
    assert 'other settings' in capsys.readouterr().err


@pytest.mark.parametrize(
    'words, reason',
    [(['--config', 'huge'], "no preset 'huge'"), (['--device', 'tpu'], "device is 'tpu'")],
)
def test_bad_words_are_refused(ct_path, tmp_path, capsys, words, reason):
    line = ['train', 'similarity', '--ct', str(ct_path), '--out', str(tmp_path), *words]
    assert cli.main(line) == 2
    assert reason in capsys.readouterr().err


def test_ctrl_c_keeps_a_checkpoint_and_says_how_to_go_on(ct_path, tmp_path):
    words = ['train', 'similarity', '--ct', str(ct_path), '--out', str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, '-m', 'surgical_perception.cli', *words, '--device', 'cpu'],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background of a shell, it is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        end = time.monotonic() + 60
        # The curve's file is made when training begins.
        while not (tmp_path / 'curve.csv').exists() and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, error
    assert 'the same command goes on' in error
    assert (tmp_path / 'checkpoint.safetensors').exists()
