"""Levels whose features a network makes, within the registration as it is."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_ct import write_small_ct

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.config import MaskConfig, PyramidLevel, RegistrationConfig
from xray_registration.learned.encoder import EncoderConfig
from xray_registration.learned.network import SimilarityNetwork, SimilarityNetworkConfig
from xray_registration.learned.volume_networks import VolumeNetworkConfig
from xray_registration.methods import lm
from xray_registration.objective import LevelObjective
from xray_registration.pyramid import VolumePyramid
from xray_registration.registration import register
from xray_registration.simulation.siddon import project
from xray_registration.views import View
from xray_registration.volume.attenuation import AttenuationConfig, attenuation_from_ct
from xray_registration.volume.loader import load_ct

torch.set_num_threads(1)
CAMERA = PinholeCamera.from_carm(128, 128, sdd_mm=1000.0, du_mm=1.2)


def network(kind='none'):
    torch.manual_seed(0)
    channels = 1 if kind == 'none' else 2
    return SimilarityNetwork(
        SimilarityNetworkConfig(
            EncoderConfig(4, (6, 8, 8, 8), 1, 6, in_channels=channels),
            VolumeNetworkConfig(kind, width=3, layers=2, channels=2),
        )
    ).eval()


@pytest.fixture(scope='module')
def ct(tmp_path_factory):
    return load_ct(write_small_ct(tmp_path_factory.mktemp('ct') / 'ct.nii'))


@pytest.fixture(scope='module')
def pose(ct):
    """carm_from_ct [4, 4]."""
    nominal = se3.from_rotation_translation([[1, 0, 0], [0, 0, -1], [0, 1, 0]], [0, 0, 0])
    nominal[:3, 3] = [0, 0, 0.75] - nominal[:3, :3] @ attenuation_from_ct(ct).isocentre_m
    twist = np.array([0.002, -0.003, 0.005, 0.1, -0.15, 0.05])
    return se3.perturb(twist, nominal, np.array([0, 0, 0.75]))


@pytest.fixture(scope='module')
def view(ct, pose):
    image = project(ct, CAMERA, pose, AttenuationConfig(22.0, -900.0, 1.3))
    return View(image, CAMERA, np.eye(4))


LEARNED = (
    PyramidLevel(128, 3.0, 'learned', 15, stride=16),
    PyramidLevel(128, 3.0, 'learned', 15, stride=4),
)
LAST = PyramidLevel(128, 3.0, 'local_ncc', 10, patch=9)


def config_of(*levels):
    config = RegistrationConfig(init='start', levels=levels, search_levels=len(levels))
    return replace(config, masks=MaskConfig(automatic=False))


def test_every_channel_is_projected_with_its_own_derivative(ct, view, pose):
    net = network('isotropic')
    volumes = VolumePyramid(attenuation_from_ct(ct), {'similarity': net})
    objective = LevelObjective([view], volumes, LEARNED[1], config_of(LEARNED[1]))
    at = se3.inverse(pose)
    plain = LevelObjective([view], VolumePyramid(attenuation_from_ct(ct)), LAST, config_of(LAST))
    image, columns = (x[0] for x in vars(plain.evaluate(at).renderings[0]).values())
    # An untrained network of the volume repeats it.
    found = objective.evaluate(at).renderings[0]
    for channel in range(2):
        np.testing.assert_allclose(found.image[0, channel], image, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found.jacobian[0, channel], columns, rtol=1e-4, atol=1e-3)
    with torch.no_grad():
        net.volume.layers[-1].bias[1] = 1.0
    volumes = VolumePyramid(attenuation_from_ct(ct), {'similarity': net})
    objective = LevelObjective([view], volumes, LEARNED[1], config_of(LEARNED[1]))
    found = objective.evaluate(at).renderings[0]
    np.testing.assert_allclose(found.image[0, 1], 2 * image, rtol=1e-5, atol=1e-5)
    assert objective.match(at).overlap == pytest.approx(plain.match(at).overlap, abs=0.02)


@pytest.mark.parametrize('kind', ['none', 'isotropic'])
def test_even_random_features_lead_home_and_the_last_level_finishes(ct, view, pose, kind):
    volumes = VolumePyramid(attenuation_from_ct(ct), {'similarity': network(kind)})
    twist = np.array([0.006, -0.005, 0.006, 0.05, 0.04, -0.05])
    start = se3.perturb(twist, pose, np.array([0, 0, 0.75]))
    result = register([view], volumes, start, config_of(*LEARNED, LAST))
    error = se3.apply(result.reference_from_ct, volumes.isocentre_m)
    error -= se3.apply(pose, volumes.isocentre_m)
    assert 1e3 * np.linalg.norm(error[:2]) < 0.5
    assert result.cost < 0.1


def test_a_stride_that_the_network_lacks_is_named(ct, view):
    volumes = VolumePyramid(attenuation_from_ct(ct), {'similarity': network()})
    level = PyramidLevel(128, 3.0, 'learned', 15, stride=8)
    with pytest.raises(InputError, match=r'stride is 8'):
        LevelObjective([view], volumes, level, config_of(level))


def test_channels_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match='in_channels is 1'):
        SimilarityNetwork(SimilarityNetworkConfig(volume=VolumeNetworkConfig()))


def test_a_network_that_leads_astray_does_no_harm(ct, view, pose, monkeypatch):
    volumes = VolumePyramid(attenuation_from_ct(ct), {'similarity': network()})
    twist = np.array([0.006, -0.005, 0.006, 0.05, 0.04, -0.05])
    start = se3.perturb(twist, pose, np.array([0, 0, 0.75]))
    astray = se3.inverse(se3.perturb(8 * twist, start, np.array([0, 0, 0.75])))
    descend = lm.descend

    def misled(request, indices, pose, steps=0):
        found = descend(request, indices, pose, steps)
        if request.config.levels[indices[0]].similarity == 'learned':
            return found._replace(ct_from_reference=astray)
        return found

    monkeypatch.setattr(lm, 'descend', misled)
    config = replace(config_of(*LEARNED, LAST), method='spherical')
    alone = register([view], volumes, start, replace(config_of(LAST), method='lm'))
    result = register([view], volumes, start, config)
    np.testing.assert_allclose(result.reference_from_ct, alone.reference_from_ct, atol=1e-9)
