import numpy as np
import pytest

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.drr import render
from xray_registration.learned.aimed import aimed
from xray_registration.region import Window
from xray_registration.volume.attenuation import AttenuationVolume

CAMERA = PinholeCamera(270, 300, 1500.0, 1500.0, 156.0, 165.0)
FIELD_MM, SIZE = 120.0, 64


@pytest.fixture(scope='module')
def volume():
    """Return a smooth, lopsided body of about 3 cm."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, 33),) * 3, indexing='ij')
    blobs = ((0.3, 0.1, 0.2, 0.2), (-0.4, 0.2, -0.3, 0.15), (0.1, -0.5, -0.1, 0.1))
    mu = sum(
        30 * np.exp(-((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2) / s) for a, b, c, s in blobs
    )
    return AttenuationVolume(mu.astype(np.float32), np.diag([1e-3, 1e-3, 1e-3, 1.0]))


@pytest.fixture
def carm_from_ct(volume):
    turn = np.array([0, 0, 0, 2.0, 0.4, -0.9])
    pose = se3.perturb(turn, np.eye(4), np.zeros(3))
    pose[:3, 3] = np.array([0.03, -0.02, 0.9]) - pose[:3, :3] @ volume.isocentre_m
    return pose


def whole(volume, pose, mask=None):
    image = render(volume, CAMERA, pose, step_m=5e-4).image[0]
    return Window(image, np.ones(image.shape, bool) if mask is None else mask, CAMERA)


def test_it_is_the_image_that_the_aimed_camera_sees(volume, carm_from_ct):
    found, aimed_from_carm = aimed(
        whole(volume, carm_from_ct), carm_from_ct, volume.isocentre_m, FIELD_MM, SIZE
    )
    expected = render(volume, found.camera, aimed_from_carm @ carm_from_ct, step_m=5e-4).image[0]
    assert found.mask.mean() > 0.5
    assert np.abs(found.image - expected)[found.mask].max() < 0.03 * expected.max()


def test_the_isocentre_is_in_the_middle_and_superior_is_up(volume, carm_from_ct):
    found, aimed_from_carm = aimed(
        whole(volume, carm_from_ct), carm_from_ct, volume.isocentre_m, FIELD_MM, SIZE
    )
    pose = aimed_from_carm @ carm_from_ct
    centre = se3.apply(pose, volume.isocentre_m)
    assert np.allclose(found.camera.project(centre), (SIZE - 1) / 2)
    assert abs(pose[0, 2]) < 1e-9
    assert pose[1, 2] < 0
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)
    border = centre + np.array([0.5e-3 * FIELD_MM, 0, 0])
    assert found.camera.project(border)[0] == pytest.approx(SIZE - 0.5)


def test_along_the_long_axis_the_image_stays_as_it_was(volume):
    pose = np.eye(4)
    pose[:3, 3] = np.array([0.0, 0.0, 0.9]) - volume.isocentre_m
    _, aimed_from_carm = aimed(whole(volume, pose), pose, volume.isocentre_m, FIELD_MM, SIZE)
    assert np.allclose(aimed_from_carm, np.eye(4))


def test_what_is_not_seen_is_masked_and_leaves_no_trace(volume, carm_from_ct):
    mask = np.ones((CAMERA.height, CAMERA.width), bool)
    mask[:, 210:230] = False
    window = whole(volume, carm_from_ct, mask)
    spoilt = window._replace(image=np.where(mask, window.image, 1e3))
    arguments = carm_from_ct, volume.isocentre_m, FIELD_MM, SIZE
    found, _ = aimed(spoilt, *arguments)
    clean, _ = aimed(window._replace(mask=np.ones_like(mask)), *arguments)
    assert 0.1 < found.mask.mean() < clean.mask.mean() < 1.0
    assert np.allclose(found.image[found.mask], clean.image[found.mask], rtol=0.02, atol=1e-3)
