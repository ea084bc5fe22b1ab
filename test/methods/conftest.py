"""A small CT seen from the front and from the side by another projector, and starts nearby."""

import numpy as np
import pytest
from method_checks import CAMERA, moved
from small_ct import write_small_ct

from surgical_perception.geometry import se3
from surgical_perception.geometry.frames import carm_from_ct_at
from xray_registration.pyramid import VolumePyramid
from xray_registration.simulation.siddon import project
from xray_registration.views import View
from xray_registration.volume.attenuation import AttenuationConfig, attenuation_from_ct
from xray_registration.volume.loader import load_ct


@pytest.fixture(scope='session')
def ct(tmp_path_factory):
    return load_ct(write_small_ct(tmp_path_factory.mktemp('ct') / 'ct.nii'))


@pytest.fixture(scope='session')
def volumes(ct):
    return VolumePyramid(attenuation_from_ct(ct))


@pytest.fixture(scope='session')
def truth(volumes):
    """reference_from_ct [4, 4]; the reference is the first view's camera."""
    nominal = carm_from_ct_at('AP', volumes.isocentre_m, 0.75)
    return moved(nominal, volumes, [2, -3, 5], [6, -8, 3])


@pytest.fixture(scope='session')
def views(ct, volumes, truth):
    """One X-ray from nearly the front, and one a quarter turn about the vertical axis beside."""
    centre = se3.apply(truth, volumes.isocentre_m)
    beside = se3.perturb(np.array([0, 0, 0, 0, np.pi / 2, 0]), np.eye(4), centre)
    attenuation = AttenuationConfig(22.0, -900.0, 1.3)
    return [
        View(
            project(ct, CAMERA, camera_from_reference @ truth, attenuation),
            CAMERA,
            camera_from_reference,
        )
        for camera_from_reference in (np.eye(4), beside)
    ]


@pytest.fixture(scope='session')
def start(truth, volumes):
    return moved(truth, volumes, [6, -5, 8], [4, 3, -4])
