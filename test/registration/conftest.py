"""A phantom with bone-like structure, and X-rays of it by a projector that is not ours."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from surgical_perception.geometry import frames, se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.config import PyramidLevel, RegistrationConfig
from xray_registration.pyramid import VolumePyramid
from xray_registration.simulation.siddon import project
from xray_registration.views import View
from xray_registration.volume.attenuation import AttenuationConfig, attenuation_from_ct
from xray_registration.volume.ct_image import CtImage

SPACING_MM = 3.0


def phantom_hu():
    """Soft tissue in a cylinder with irregular bones: no symmetry, edges in every direction."""
    rng = np.random.default_rng(4)
    z, y, x = np.mgrid[-1:1:64j, -1:1:56j, -1:1:60j]
    hu = np.where(x**2 / 0.8 + y**2 / 0.6 < 1, 40.0, -1000.0)
    for _ in range(14):
        centre = rng.uniform(-0.55, 0.55, 3)
        radius = rng.uniform(0.08, 0.3, 3)
        inside = sum(
            ((axis - c) / r) ** 2 for axis, c, r in zip((z, y, x), centre, radius, strict=True)
        )
        hu[inside < 1] = rng.uniform(400, 1200)
    return gaussian_filter(hu, 0.7).astype(np.float32)


@pytest.fixture(scope='session')
def ct():
    affine = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1000.0]) * 1e-3
    affine[:3, 3] = [-0.05, 0.02, 0.3]
    return CtImage(phantom_hu(), affine, 'phantom', '0' * 64)


@pytest.fixture(scope='session')
def volumes(ct):
    return VolumePyramid(attenuation_from_ct(ct))


@pytest.fixture(scope='session')
def camera():
    return PinholeCamera.from_carm(128, 128, sdd_mm=1000.0, du_mm=2.2)


@pytest.fixture(scope='session')
def carm_from_ct(ct):
    pose = frames.carm_from_ct_at('AP', ct.isocentre_m, 0.7)
    return se3.perturb(
        np.array([0.01, -0.006, 0.02, 0.1, -0.05, 0.08]), pose, se3.apply(pose, ct.isocentre_m)
    )


@pytest.fixture(scope='session')
def xray(ct, camera, carm_from_ct):
    """Line integrals with another bone contrast than the registration assumes."""
    return project(ct, camera, carm_from_ct, AttenuationConfig(22.0, -900.0, 1.2))


@pytest.fixture(scope='session')
def view(xray, camera):
    return View(xray, camera)


@pytest.fixture(scope='session')
def config():
    """A pyramid that suits a 128 pixel image of 3 mm voxels."""
    return RegistrationConfig(
        init='start',
        search_levels=2,
        levels=(
            PyramidLevel(32, 6.0, 'global_ncc', 25),
            PyramidLevel(64, 3.0, 'local_ncc', 20),
            PyramidLevel(128, 3.0, 'local_ncc', 12, patch=9),
        ),
    )


@pytest.fixture(scope='session')
def bone_points(ct):
    index = np.argwhere(ct.hu > 350)[::23, ::-1]
    return se3.apply(ct.ct_from_index, index.astype(float))
