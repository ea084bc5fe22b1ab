"""The bone surface: where the bone is, outside out, and small enough to publish."""

import numpy as np
import pytest
from volume_files import DIRECTIONS, lps_affine_m

from surgical_perception.errors import InputError
from xray_registration.surface import bone_surface
from xray_registration.volume.ct_image import CtImage

RADIUS_M = 12e-3
SIZE = (44, 40, 24)
COARSE_VOXEL_M = 2.2e-3  # of 2 x 2 x 1 voxels of the balls below

# A blur of sigma pulls a ball's surface inwards by sigma^2 / R: 0.2 mm for the 1.6 mm that block
# means and smoothing make, 5 % of the volume; a wrong winding is 200 % off.
BLUR_SHRINKS = 0.08


def ball_ct(
    direction, centre_offset_mm=(0, 0, 0), radius_m=RADIUS_M, edge_m=4e-3, low=-1000, high=1500
):
    """A ball of bone in air on a grid of 1.0 x 1.1 x 2.0 mm."""
    affine = lps_affine_m(direction, [1.0, 1.1, 2.0])
    ct = CtImage(np.zeros(SIZE[::-1], np.int16), affine, 'ball', '')
    centre = ct.isocentre_m + np.multiply(centre_offset_mm, 1e-3)
    z, y, x = np.indices(ct.hu.shape)
    places = np.stack([x, y, z, np.ones_like(x)], -1) @ affine.T
    distance = np.linalg.norm(places[..., :3] - centre, axis=-1)
    edge = np.clip((radius_m - distance) / edge_m + 0.5, 0, 1)
    ct.hu[...] = np.rint(low + (high - low) * edge)
    return ct, centre


def signed_volume(vertices, triangles):
    """Positive where triangles are counter-clockwise seen from outside (divergence theorem)."""
    a, b, c = np.moveaxis(vertices[triangles].astype(float), 1, 0)
    return np.einsum('ij,ij->', a, np.cross(b, c)) / 6


@pytest.mark.parametrize('direction', DIRECTIONS.values(), ids=DIRECTIONS)
def test_ball_is_where_it_is_and_outside_out(direction):
    ct, centre = ball_ct(direction, centre_offset_mm=(2, -3, 1))
    vertices, triangles = bone_surface(ct)
    assert (vertices.dtype, triangles.dtype) == (np.float32, np.int32)
    distance = np.linalg.norm(vertices - centre, axis=1)
    np.testing.assert_allclose(distance, RADIUS_M, atol=0.4e-3)
    assert signed_volume(vertices - centre, triangles) == pytest.approx(
        4 / 3 * np.pi * RADIUS_M**3, rel=BLUR_SHRINKS
    )


def test_threshold_moves_the_surface():
    ct, centre = ball_ct(np.eye(3))
    inner, _ = bone_surface(ct, threshold_hu=750)
    outer, _ = bone_surface(ct, threshold_hu=-250)
    radii = [np.linalg.norm(v - centre, axis=1).mean() for v in (inner, outer)]
    np.testing.assert_allclose(radii, RADIUS_M + np.array([-0.8e-3, 0.8e-3]), atol=0.4e-3)


def test_every_edge_is_shared_by_two_triangles_even_where_the_ct_ends():
    ct, _ = ball_ct(np.eye(3), centre_offset_mm=(20, 0, 0))
    _, triangles = bone_surface(ct)
    edges = np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, count = np.unique(edges, axis=0, return_counts=True)
    np.testing.assert_array_equal(count, 2)


def test_triangles_are_limited():
    ct, centre = ball_ct(np.eye(3))
    _, every = bone_surface(ct)
    vertices, triangles = bone_surface(ct, max_triangles=200)
    assert len(every) > 1000
    assert len(triangles) <= 200
    assert triangles.max() < len(vertices)
    assert signed_volume(vertices - centre, triangles) == pytest.approx(
        4 / 3 * np.pi * RADIUS_M**3, rel=BLUR_SHRINKS
    )


def test_specks_are_left_out():
    ct, centre = ball_ct(np.eye(3))
    ct.hu[2, 2:4, 2:4] = 6000  # one voxel of the surface's grid
    vertices, _ = bone_surface(ct)
    assert np.linalg.norm(vertices - centre, axis=1).max() < RADIUS_M + 1e-3


def test_values_that_are_no_hu_are_cut_between_foreground_levels():
    """Bone at 200 in soft tissue at 60 over background 0: the surface is that of the bone."""
    outer, centre = ball_ct(np.eye(3), radius_m=17e-3, edge_m=1e-3, low=0, high=60)
    inner, _ = ball_ct(np.eye(3), edge_m=1e-3, low=0, high=140)
    ct = CtImage(outer.hu + inner.hu, outer.ct_from_index, 'ball', '', is_hu=False)
    vertices, _ = bone_surface(ct)
    np.testing.assert_allclose(
        np.linalg.norm(vertices - centre, axis=1), RADIUS_M, atol=COARSE_VOXEL_M / 2
    )


def test_nothing_above_the_threshold_is_refused():
    ct, _ = ball_ct(np.eye(3), high=100)
    with pytest.raises(InputError, match='ball: has no surface at 250'):
        bone_surface(ct)
    flat = CtImage(np.zeros((4, 4, 4), np.int16), np.eye(4) * 1e-3, 'flat', '', is_hu=False)
    with pytest.raises(InputError, match='flat: has no surface'):
        bone_surface(flat)
