"""The analytic surface: derivatives, frames, and the material point that a pixel sees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from surg_invnerf.synthetic.config import SceneConfig
from surg_invnerf.synthetic.intersection import front_material, mesh_material, render_material
from surg_invnerf.synthetic.sheet import Sheet, gaussian, wave
from surg_invnerf.synthetic.tissue import Tissue
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera

CAMERA = PinholeCamera(80, 64, 70.0, 70.0, 40.3, 30.9)
HALF_SIZE_M = (0.07, 0.06)


def flat(depth_m, functions=(), amplitudes=()):
    affine = np.array([[0, 1, 0], [0, 0, 1], [depth_m, 0, 0]], float)
    return Sheet(affine, np.reshape(amplitudes, (-1, 3)), np.reshape(functions, (-1, 7)))


def tissue_sheet(seed=1, time_s=1.3):
    return Tissue(SceneConfig(), np.random.default_rng(seed)).at(time_s)


@given(st.integers(0, 1000), st.floats(0, 20))
def test_derivatives_are_those_of_the_positions(seed, time_s):
    sheet = tissue_sheet(seed, time_s)
    material = np.random.default_rng(seed).uniform(-0.06, 0.06, (20, 2))
    found = sheet.positions_and_derivatives(material)
    step = 1e-6
    for axis in range(2):
        shift = step * np.eye(2)[axis]
        change = sheet.positions(material + shift) - sheet.positions(material - shift)
        np.testing.assert_allclose(found[..., 1 + axis], change / (2 * step), atol=1e-6)


def test_a_gaussian_and_a_wave_have_their_textbook_values():
    functions = [gaussian((0.01, 0.0), (0.002, 0.004)), wave(0.04, 0.0, np.pi / 2)]
    sheet = flat(0.08, functions, [[0, 0, 1e-3], [0, 0, 2e-3]])
    # At the Gaussian's centre a quarter of the wave's length is cos(pi / 2) = 0.
    assert sheet.positions([[0.01, 0.0]])[0] == pytest.approx([0.01, 0.0, 0.081], abs=1e-12)
    beside = sheet.positions([[0.012, 0.004]])[0, 2]
    expected = 0.08 + 1e-3 * np.exp(-1.0) + 2e-3 * np.cos(2 * np.pi * 0.012 / 0.04)
    assert beside == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.floats(-0.5, 0.5), min_size=6, max_size=6))
def test_a_sheet_in_another_frame_is_the_transformed_sheet(twist):
    target_from_source, sheet = se3.exp(np.array(twist)), tissue_sheet()
    material = np.random.default_rng(0).uniform(-0.06, 0.06, (30, 2))
    expected = se3.apply(target_from_source, sheet.positions(material))
    np.testing.assert_allclose(
        sheet.transformed(target_from_source).positions(material), expected, atol=1e-13
    )


def test_a_plane_is_seen_where_geometry_says():
    seen = render_material(flat(0.08), CAMERA, HALF_SIZE_M)
    v, u = np.mgrid[: CAMERA.height, : CAMERA.width]
    np.testing.assert_allclose(seen.depth_m, 0.08, atol=1e-12)
    np.testing.assert_allclose(seen.material[..., 0], 0.08 * (u - CAMERA.cx) / CAMERA.fx)
    np.testing.assert_allclose(seen.material[..., 1], 0.08 * (v - CAMERA.cy) / CAMERA.fy)


def test_beyond_the_sheet_nothing_is_seen():
    seen = render_material(flat(0.08), CAMERA, (0.02, 0.01))
    v, u = np.mgrid[: CAMERA.height, : CAMERA.width]
    inside = (np.abs(u - CAMERA.cx) < 17.4) & (np.abs(v - CAMERA.cy) < 8.7)
    assert np.isfinite(seen.depth_m[inside]).all()
    assert np.isnan(seen.depth_m[~inside & (np.abs(v - CAMERA.cy) > 9)]).all()


@pytest.mark.parametrize('seed', [1, 2, 3])
def test_every_pixel_sees_a_point_that_projects_onto_it(seed):
    sheet = tissue_sheet(seed)
    seen = render_material(sheet, CAMERA, HALF_SIZE_M)
    points = sheet.positions(seen.material.reshape(-1, 2))
    v, u = np.mgrid[: CAMERA.height, : CAMERA.width]
    error = np.abs(CAMERA.project(points) - np.stack([u.ravel(), v.ravel()], -1)).max(-1)
    # At the edge of a fold an exact ray may miss the tissue: the mesh's point stays.
    assert (error < 1e-6).mean() > 0.995
    assert error.max() < 0.2
    np.testing.assert_allclose(seen.depth_m.ravel(), points[:, 2], atol=1e-12)


def overhang():
    """Return a sheet with a steep ridge that hides what lies to its right, and its mesh."""
    lean = [0.010, 0.0, -0.010]
    sheet = flat(0.08, [gaussian((0.0, 0.0), (0.004, 0.02))], [lean])
    return sheet, mesh_material(sheet, CAMERA, HALF_SIZE_M)


def test_the_nearest_of_several_layers_is_seen():
    sheet, mesh = overhang()
    uv = np.random.default_rng(5).uniform([30, 20], [65, 45], (120, 2))
    front = sheet.positions(front_material(sheet, CAMERA, mesh, uv))
    np.testing.assert_allclose(CAMERA.project(front), uv, atol=0.05)
    # Brute force: of a dense cloud, the nearest point of those that fall close to the pixel.
    axes = np.linspace(-0.03, 0.03, 901), np.linspace(-0.02, 0.02, 301)
    cloud = sheet.positions(np.stack(np.meshgrid(*axes), -1).reshape(-1, 2))
    at = cKDTree(CAMERA.project(cloud))
    layers = 0
    for pixel, point in zip(uv, front, strict=True):
        depths, around = (cloud[at.query_ball_point(pixel, r), 2] for r in (0.15, 0.6))
        if around.min() < depths.min() - 2e-3:
            continue  # at the edge of the ridge
        layers += np.ptp(depths) > 3e-3
        # Within 0.15 px the slope of the ridge changes the depth a little.
        assert point[2] == pytest.approx(depths.min(), abs=1e-3)
    assert layers > 5
