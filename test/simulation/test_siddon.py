"""Siddon against closed forms: exact for a box of any pose, camera and affine."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.simulation import siddon
from xray_registration.volume.attenuation import AttenuationConfig
from xray_registration.volume.ct_image import CtImage

WATER = AttenuationConfig(mu_water_per_m=20.0)
CAMERA = PinholeCamera(20, 14, 95.0, 92.0, 11.3, 5.2)


def ct_of(hu, ct_from_index):
    return CtImage(np.ascontiguousarray(hu), ct_from_index, 'synthetic', '')


def oblique_affine(angles_deg=(0, 0, 0), spacing_mm=(4, 5, 6), centre=(0, 0, 0), size=(9, 8, 7)):
    """A grid whose middle is at `centre`; a negative spacing flips its axis."""
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler('xyz', angles_deg, degrees=True).as_matrix()
    affine[:3, :3] *= np.array(spacing_mm) * 1e-3
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(size) - 1) / 2)
    return affine


def carm_in_front(angles_deg=(0, 0, 0), depth_m=0.3):
    rotation = Rotation.from_euler('xyz', angles_deg, degrees=True).as_matrix()
    return se3.from_rotation_translation(rotation, [0.002, -0.003, depth_m])


def rays_in_index(camera, carm_from_ct, ct_from_index):
    """Source [3] and directions [H, W, 3] in voxel indices; a unit of length is one metre."""
    index_from_carm = np.linalg.inv(carm_from_ct @ ct_from_index)
    return index_from_carm[:3, 3], camera.ray_directions() @ index_from_carm[:3, :3].T


def chords_of_box(source, direction, low, high):
    """Length of rays in an axis-aligned box, by the slab method."""
    with np.errstate(divide='ignore'):
        a, b = (low - source) / direction, (high - source) / direction
    entry, leave = np.minimum(a, b).max(-1), np.maximum(a, b).min(-1)
    return np.maximum(leave - entry, 0)


angles = st.tuples(*[st.floats(-40, 40)] * 3)


@settings(deadline=None, max_examples=25)
@given(ct_angles=angles, carm_angles=angles, flips=st.tuples(*[st.sampled_from([-1, 1])] * 3))
def test_a_water_box_gives_exact_chords_for_any_affine_and_camera(ct_angles, carm_angles, flips):
    hu = np.full((7, 8, 9), -1000, np.int16)
    hu[2:6, 1:7, 3:8] = 0
    affine = oblique_affine(ct_angles, np.array([4, 5, 6]) * flips)
    carm_from_ct = carm_in_front(carm_angles)
    image = siddon.project(ct_of(hu, affine), CAMERA, carm_from_ct, WATER)
    source, direction = rays_in_index(CAMERA, carm_from_ct, affine)
    chords = chords_of_box(source, direction, np.array([2.5, 0.5, 1.5]), [7.5, 6.5, 5.5])
    assert chords.max() > 0.015
    assert image.dtype == np.float32
    # float32 rays, 0.3 m long in mm: 1e-4 mm at grazing edges
    np.testing.assert_allclose(image, 20.0 * chords, atol=2e-4)


def test_every_voxel_is_weighted_by_its_own_length():
    rng = np.random.default_rng(0)
    hu = rng.integers(-1000, 1500, (7, 8, 9)).astype(np.int16)
    affine = oblique_affine((10, 20, 30), (4, -5, 6))
    carm_from_ct = carm_in_front((5, -10, 20))
    image = siddon.project(ct_of(hu, affine), CAMERA, carm_from_ct, WATER)

    source, direction = rays_in_index(CAMERA, carm_from_ct, affine)
    expected = np.zeros(image.shape)
    for z, y, x in np.ndindex(hu.shape):
        voxel = np.array([x, y, z], float)
        chord = chords_of_box(source, direction, voxel - 0.5, voxel + 0.5)
        expected += 20.0 * (1 + hu[z, y, x] / 1000) * chord
    np.testing.assert_allclose(image, expected, rtol=2e-4, atol=2e-4)


def test_a_sphere_gives_its_chord():
    n, radius_m, spacing_m = 61, 0.025, 0.001
    affine = oblique_affine((15, 0, 25), (1, 1, 1), size=(n, n, n))
    grid = np.stack(np.meshgrid(*[np.arange(n) - n // 2] * 3), -1) * spacing_m
    distance = np.linalg.norm(grid, axis=-1)
    occupancy = np.clip(0.5 + (radius_m - distance) / spacing_m, 0, 1)
    hu = (1000 * (occupancy - 1)).astype(np.float32)
    carm_from_ct = carm_in_front((0, 30, 0))
    image = siddon.project(ct_of(hu, affine), CAMERA, carm_from_ct, WATER)

    centre = carm_from_ct[:3, 3]
    along = CAMERA.ray_directions() @ centre
    squared = radius_m**2 - (centre @ centre - along**2)
    chord = 2 * np.sqrt(np.maximum(squared, 0))
    inside = chord > 0.5 * radius_m
    assert inside.sum() > 50
    np.testing.assert_allclose(image[inside], 20.0 * chord[inside], atol=20.0 * spacing_m)
    assert abs(image[inside].sum() / (20.0 * chord[inside].sum()) - 1) < 0.002


def test_chunks_do_not_change_a_bit(monkeypatch):
    hu = np.random.default_rng(1).integers(-1000, 1500, (7, 8, 9)).astype(np.int16)
    ct = ct_of(hu, oblique_affine())
    whole = siddon.project(ct, CAMERA, carm_in_front(), WATER)
    monkeypatch.setattr(siddon, '_CROSSINGS_AT_ONCE', 100)
    np.testing.assert_array_equal(siddon.project(ct, CAMERA, carm_in_front(), WATER), whole)


def test_the_attenuation_is_that_of_the_config():
    hu = np.full((7, 8, 9), 500, np.int16)
    ct = ct_of(hu, oblique_affine())
    plain = siddon.project(ct, CAMERA, carm_in_front(), WATER)
    harder = AttenuationConfig(mu_water_per_m=10.0, bone_multiplier=1.4)
    image = siddon.project(ct, CAMERA, carm_in_front(), harder)
    np.testing.assert_allclose(image, 0.7 * plain, rtol=1e-5)


def test_air_alone_gives_a_blank_image():
    ct = ct_of(np.full((7, 8, 9), -1000, np.int16), oblique_affine())
    assert not siddon.project(ct, CAMERA, carm_in_front(), WATER).any()


def test_a_source_inside_the_ct_is_refused_by_name():
    ct = ct_of(np.zeros((7, 8, 9), np.int16), oblique_affine())
    with pytest.raises(InputError, match='21 mm behind the X-ray source'):
        siddon.project(ct, CAMERA, carm_in_front(depth_m=0.0), WATER)
