"""Every backend computes the same numbers, in every arrangement of poses, masks and axes."""

import numpy as np
import pytest
from drr_scenes import (
    CAMERA,
    IMAGE_TOLERANCE,
    JACOBIAN_TOLERANCE,
    poses,
    random_volume,
    relative_error,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.drr import render, torch_backend

BACKENDS = pytest.mark.parametrize('backend', ['numba', 'torch'])

signed_mm = st.floats(2, 7).flatmap(lambda s: st.sampled_from([s, -s]))
degrees = st.floats(-180, 180)


@settings(max_examples=25)
@given(
    size=st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12)),
    spacing_mm=st.tuples(signed_mm, signed_mm, signed_mm),
    angles_deg=st.tuples(degrees, degrees, degrees),
    pixel_ratio=st.floats(0.8, 1.25),
    principal=st.tuples(st.floats(-3, 15), st.floats(-3, 12)),
    seed=st.integers(0, 999),
    jacobian=st.sampled_from(['discrete', 'continuum']),
)
def test_numba_is_the_reference(
    size, spacing_mm, angles_deg, pixel_ratio, principal, seed, jacobian
):
    volume = random_volume(seed, size, spacing_mm=spacing_mm, angles_deg=angles_deg)
    camera = PinholeCamera(13, 9, 70.0, 70.0 * pixel_ratio, *principal)
    pose = poses(volume, 1, seed)
    fast = render(volume, camera, pose, jacobian, backend='numba')
    reference = render(volume, camera, pose, jacobian, backend='torch')
    # Absolute floors for the rare ray that grazes a corner by less than float32 resolves.
    scale = max(reference.image.max(), 0.01)
    assert np.abs(fast.image - reference.image).max() < 1e-4 * scale
    scale = max(np.abs(reference.jacobian).max(), 1.0)
    assert np.abs(fast.jacobian - reference.jacobian).max() < 1e-3 * scale


@BACKENDS
@pytest.mark.parametrize('jacobian', ['none', 'discrete', 'continuum'])
def test_batch_is_its_singles(backend, jacobian):
    volume = random_volume()
    batch = poses(volume, 3)
    together = render(volume, CAMERA, batch, jacobian, backend=backend)
    for i, pose in enumerate(batch):
        alone = render(volume, CAMERA, pose, jacobian, backend=backend)
        assert np.array_equal(together.image[i], alone.image[0])
        if jacobian != 'none':
            assert np.array_equal(together.jacobian[i], alone.jacobian[0])


@BACKENDS
@pytest.mark.parametrize('jacobian', ['none', 'continuum'])
def test_mask_blanks_and_changes_nothing_else(backend, jacobian):
    volume = random_volume()
    mask = np.random.default_rng(2).random((CAMERA.height, CAMERA.width)) < 0.4
    full = render(volume, CAMERA, poses(volume, 2), jacobian, backend=backend)
    masked = render(volume, CAMERA, poses(volume, 2), jacobian, mask, backend=backend)
    assert relative_error(masked.image, full.image * mask) < IMAGE_TOLERANCE
    assert (masked.image[:, ~mask] == 0).all()
    if jacobian != 'none':
        expected = full.jacobian * mask[..., None]
        assert relative_error(masked.jacobian, expected) < JACOBIAN_TOLERANCE
        assert (masked.jacobian[:, ~mask] == 0).all()


@BACKENDS
def test_empty_mask_and_missed_volume(backend):
    volume = random_volume()
    pose = poses(volume, 1)
    nothing = np.zeros((CAMERA.height, CAMERA.width), bool)
    masked = render(volume, CAMERA, pose, 'continuum', nothing, backend=backend)
    aside = pose.copy()
    aside[:, 0, 3] += 1.0
    missed = render(volume, CAMERA, aside, 'continuum', backend=backend)
    for rendering in (masked, missed):
        assert (rendering.image == 0).all()
        assert (rendering.jacobian == 0).all()


@BACKENDS
def test_asking_for_the_jacobian_does_not_change_the_image(backend):
    volume = random_volume(4)
    images = [
        render(volume, CAMERA, poses(volume, 2), jacobian, backend=backend).image
        for jacobian in ('none', 'discrete', 'continuum')
    ]
    assert relative_error(images[1], images[0]) < IMAGE_TOLERANCE
    assert np.array_equal(images[1], images[2])


@BACKENDS
def test_samples_stay_where_they_are_seen_from_the_source(backend):
    """
    A step that does not divide the distance: samples lie at (k + 1/2) step from the source.

    Moving the grid along a ray by one step leaves the ray's sum as it was; by half a step, not.
    """
    volume, step_m = random_volume(6), 0.0047
    camera = PinholeCamera(1, 1, 100.0, 100.0, 0.0, 0.0)
    sums = []
    for shift_m in (0.0, step_m, 0.5 * step_m):
        pose = poses(volume, 1)
        pose[:, 2, 3] += shift_m
        sums.append(render(volume, camera, pose, step_m=step_m, backend=backend).image.item())
    assert sums[1] == pytest.approx(sums[0], rel=1e-5)
    assert abs(sums[2] - sums[0]) > 1e-3 * sums[0]


def test_small_chunks_change_nothing(monkeypatch):
    volume = random_volume()
    whole = render(volume, CAMERA, poses(volume, 1), 'continuum', backend='torch')
    monkeypatch.setattr(torch_backend, '_SAMPLES_PER_CHUNK', 100)
    parts = render(volume, CAMERA, poses(volume, 1), 'continuum', backend='torch')
    assert relative_error(parts.image, whole.image) < IMAGE_TOLERANCE
    assert relative_error(parts.jacobian, whole.jacobian) < JACOBIAN_TOLERANCE
