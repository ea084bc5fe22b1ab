"""Where rays enter bone, against a sphere's formula; landmarks that are spread over bone."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from small_ct import write_small_ct

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from surgical_perception.geometry.frames import POSITIONS
from xray_registration.learned.pose_range import PoseRange
from xray_registration.training.entry_points import EntryPoints
from xray_registration.training.spread_points import spread_points
from xray_registration.volume.ct_image import CtImage
from xray_registration.volume.loader import load_ct

RADIUS_M = 0.045
CAMERA = PinholeCamera.from_carm(40, 32, 1020.0, 6.0, x0_mm=9.0)


@pytest.fixture(scope='module')
def sphere():
    """A ball of bone in air, not in the middle of its CT."""
    spacing, size = 2e-3, 80
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = [0.1, -0.2, 0.3]
    index = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing='ij'), -1)[..., ::-1]
    places = se3.apply(affine, index.astype(float))
    centre = np.array([0.19, -0.13, 0.37])
    depth_m = RADIUS_M - np.linalg.norm(places - centre, axis=-1)
    # Half bone where the surface is, as a scanner has it; the threshold is 250 HU.
    hu = np.clip(250 + 500 * depth_m / spacing, -1000, 1000)
    return CtImage(hu.astype(np.int16), affine, 'ball.nii', 'hash'), centre


@pytest.fixture(scope='module')
def ct(tmp_path_factory):
    return load_ct(write_small_ct(tmp_path_factory.mktemp('ct') / 'ct.nii'))


@pytest.mark.parametrize('position', POSITIONS)
def test_rays_enter_a_ball_where_its_formula_says(sphere, position):
    ct, centre = sphere
    poses = PoseRange((position,), in_plane_mm=20.0).draw(3, centre, np.random.default_rng(0))
    found = EntryPoints(ct).seen(CAMERA, poses)
    assert found.shape == (3, 32, 40, 3)
    directions = CAMERA.ray_directions()
    for pose, points in zip(poses, found, strict=True):
        middle = se3.apply(pose, centre)
        along = directions @ middle
        inside = RADIUS_M**2 - (middle @ middle - along**2)
        entry = directions * (along - np.sqrt(np.maximum(inside, 0)))[..., None]
        # Where a ray grazes the ball, half a millimetre decides whether it enters.
        clearly = inside > (0.15 * RADIUS_M) ** 2
        expected = se3.apply(se3.inverse(pose), entry)
        away = np.linalg.norm(points - expected, axis=-1)[clearly]
        assert clearly.sum() > 50
        assert np.median(away) < 3e-4
        assert away.max() < 3e-3
        assert np.isnan(points[inside < -((0.3 * RADIUS_M) ** 2)]).all()


def test_landmarks_are_on_bone_and_far_from_each_other(ct):
    radius_m = 0.07
    points = np.array(list(spread_points(ct, 20, radius_m).values()))
    again = np.array(list(spread_points(ct, 20, radius_m).values()))
    np.testing.assert_array_equal(points, again)
    assert np.linalg.norm(points - ct.isocentre_m, axis=1).max() <= radius_m
    # Twenty of more are a subset of them, and the nearest pair only comes closer.
    more = np.array(list(spread_points(ct, 40, radius_m).values()))
    np.testing.assert_array_equal(more[:20], points)
    assert pdist(points).min() > pdist(more).min() > 5e-3
    index = se3.apply(np.linalg.inv(ct.ct_from_index), points).round().astype(int)
    around = np.array([ct.hu[z - 1 : z + 2, y - 1 : y + 2, x - 1 : x + 2] for x, y, z in index])
    assert (around.reshape(20, -1).max(1) > 250).all()
    assert (around.reshape(20, -1).min(1) < 250).all()


def test_too_little_bone_is_refused(ct):
    with pytest.raises(InputError, match='landmarks are needed'):
        spread_points(ct, 20, 1e-3)
    with pytest.raises(InputError, match='no surface'):
        EntryPoints(replace(ct, hu=np.full_like(ct.hu, -1000)))
