"""Line integrals that are known in closed form, through every backend of this machine."""

import numpy as np
import pytest
from drr_scenes import CAMERA, affine, carm_from_ct

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.drr import render
from xray_registration.volume.attenuation import AttenuationVolume

TILTED = [0.01, -0.008, 0.02, 0.2, -0.15, 0.4]

pytestmark = pytest.mark.parametrize('backend', ['numba', 'torch'])


def rays_in_ct(camera, pose):
    """Source [3] and unit directions [H, W, 3] in `ct`."""
    ct_from_carm = se3.inverse(pose)
    return ct_from_carm[:3, 3], camera.ray_directions() @ ct_from_carm[:3, :3].T


def ball(radius_m, mu_per_m, spacing_mm):
    """A uniform ball at the middle of a grid; the edge is one voxel wide, as in a real CT."""
    size = tuple(int(2.4 * radius_m * 1e3 / abs(s)) for s in spacing_mm)
    grid = AttenuationVolume(np.empty(size[::-1]), affine(spacing_mm=spacing_mm, size=size))
    index = np.stack(np.meshgrid(*map(np.arange, size), indexing='ij'), -1)
    points = index @ grid.ct_from_index[:3, :3].T + grid.ct_from_index[:3, 3]
    depth = radius_m - np.linalg.norm(points - grid.isocentre_m, axis=-1)
    inside = np.clip(depth / grid.spacing_m.mean() + 0.5, 0, 1)
    mu = np.ascontiguousarray((mu_per_m * inside).transpose(2, 1, 0), np.float32)
    return AttenuationVolume(mu, grid.ct_from_index)


@pytest.mark.parametrize(('step_mm', 'tolerance'), [(2.0, 0.02), (0.5, 0.006)])
def test_ball_is_its_chord(backend, step_mm, tolerance):
    """Tolerances in diameters: a step misses both ends of a chord, voxels blur them."""
    radius_m, mu_per_m = 0.03, 25.0
    volume = ball(radius_m, mu_per_m, (0.95, -1.0, 1.05))
    camera = PinholeCamera(41, 37, 160.0, 150.0, 22.0, 17.0)
    pose = carm_from_ct(volume, TILTED)
    image = render(volume, camera, pose, step_m=step_mm * 1e-3, backend=backend).image[0]

    source, directions = rays_in_ct(camera, pose)
    miss = np.linalg.norm(np.cross(directions, volume.isocentre_m - source), axis=-1)
    chord = 2 * np.sqrt(np.maximum(radius_m**2 - miss**2, 0))
    through = miss < 0.8 * radius_m
    assert through.sum() > 300
    error = (image / mu_per_m - chord)[through] / (2 * radius_m)
    assert np.abs(error).max() < tolerance
    # Single rays may be off by their ends; a wrong scale would be off in the mean.
    assert abs(error.mean()) < 0.001
    assert (image[miss > radius_m + 0.002] == 0).all()


def test_impulse_has_the_integral_of_its_voxel(backend):
    """Over the solid angle, rays collect the integral of mu / r^2: mu V / r^2 for one voxel."""
    size, mu_per_m = (7, 9, 8), 31.0
    mu = np.zeros(size[::-1], np.float32)
    mu[3, 5, 2] = mu_per_m
    volume = AttenuationVolume(mu, affine(size=size))
    camera = PinholeCamera(120, 100, 1500.0, 1450.0, 41.0, 66.0)
    pose = carm_from_ct(volume)
    voxel = pose @ volume.ct_from_index @ [2, 5, 3, 1]
    camera = camera.cropped(*(camera.project(voxel[:3]).astype(int) - [60, 50]), 120, 100)
    image = render(volume, camera, pose, step_m=2e-4, backend=backend).image[0]

    solid_angle = camera.ray_directions()[..., 2] ** 3 / (camera.fx * camera.fy)
    voxel_volume = abs(np.linalg.det(volume.ct_from_index[:3, :3]))
    expected = mu_per_m * voxel_volume / np.sum(voxel[:3] ** 2)
    assert image[0].max() == image[-1].max() == 0, 'the detector must hold the whole impulse'
    assert np.sum(image * solid_angle) == pytest.approx(expected, rel=2e-3)


def slab(profile):
    """A wide flat grid; mu = profile(x, y) of the index, constant over its 12 planes."""
    size = (60, 50, 12)
    x, y = np.arange(size[0])[None, None, :], np.arange(size[1])[None, :, None]
    mu = np.broadcast_to(profile(x, y), size[::-1]).astype(np.float32)
    return AttenuationVolume(np.ascontiguousarray(mu), affine(size=size, angles_deg=(0, 0, 0)))


@pytest.mark.parametrize(
    'profile',
    [lambda x, y: 20.0 + 0 * x + 0 * y, lambda x, y: 0.3 * x + 4.0, lambda x, y: 9 - 0.1 * y],
    ids=['constant', 'ramp in x', 'ramp in y'],
)
def test_slab_is_exact(backend, profile):
    """
    Rays through the two large faces see 12 planes' thickness times the value half-way.

    The zero-padded interpolant falls off linearly over one voxel beyond the outermost centres, so
    its thickness is exactly the number of planes: half a voxel of support less would show here.
    """
    volume = slab(profile)
    pose = carm_from_ct(volume, [0.01, 0.004, 0, 0.1, -0.07, 0.3])
    image = render(volume, CAMERA, pose, step_m=2e-5, backend=backend).image[0]

    source, directions = rays_in_ct(CAMERA, pose)
    index_from_ct = np.linalg.inv(volume.ct_from_index)
    start = index_from_ct[:3, :3] @ source + index_from_ct[:3, 3]
    direction = directions @ index_from_ct[:3, :3].T
    half_way = (5.5 - start[2]) / direction[..., 2]
    x, y, _ = np.moveaxis(start + half_way[..., None] * direction, -1, 0)
    expected = profile(x, y) * 12 / np.abs(direction[..., 2])
    assert image == pytest.approx(expected, rel=3e-5)


def test_volume_behind_the_source_is_not_seen(backend):
    volume = slab(lambda x, y: 20.0 + 0 * x + 0 * y)
    image = render(volume, CAMERA, carm_from_ct(volume, distance_m=-0.3), backend=backend).image
    assert (image == 0).all()
