"""The six pose columns and the gradient by the volume, against autograd and differences."""

import numpy as np
import pytest
import torch
from drr_scenes import (
    CAMERA,
    JACOBIAN_TOLERANCE,
    affine,
    carm_from_ct,
    moved,
    poses,
    random_volume,
    relative_error,
    render_double,
)

from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.drr import render, torch_backend
from xray_registration.volume.attenuation import AttenuationVolume

STEP_M = 0.0031


def columns_by_autograd(volume, camera, pose, step_m):
    """Differentiate the float64 image [H, W] by the twist: one backward through copies of xi."""
    rows = []
    for part in range(camera.height):
        strip = camera.cropped(0, part, camera.width, 1)

        def image(xi, strip=strip):
            at = moved(xi, torch.as_tensor(pose), volume.isocentre_m)
            return render_double(volume, strip, at[None], step_m)[0][0, 0]

        zero = torch.zeros(6, dtype=torch.float64)
        rows.append(torch.autograd.functional.jacobian(image, zero))
    return torch.stack(rows).numpy()


@pytest.fixture(scope='module')
def scene():
    """Noise, oblique, flipped and anisotropic; the derivative by autograd in float64."""
    volume, camera = random_volume(), PinholeCamera(7, 5, 34.0, 31.0, 4.4, 1.3)
    pose = poses(volume, 1)[0]
    return volume, camera, pose, columns_by_autograd(volume, camera, pose, STEP_M)


def test_discrete_columns_are_the_derivative_in_float64(scene):
    volume, camera, pose, expected = scene
    _, columns = render_double(volume, camera, torch.as_tensor(pose)[None], STEP_M, 'discrete')
    for column in range(6):
        assert relative_error(columns[0, ..., column].numpy(), expected[..., column]) < 1e-6


@pytest.mark.parametrize('backend', ['numba', 'torch'])
def test_discrete_columns_are_the_derivative_in_float32(scene, backend):
    volume, camera, pose, expected = scene
    rendering = render(volume, camera, pose, 'discrete', step_m=STEP_M, backend=backend)
    for column in range(6):
        error = relative_error(rendering.jacobian[0, ..., column], expected[..., column])
        assert error < JACOBIAN_TOLERANCE, f'column {column}'


def smooth_volume():
    size = (40, 36, 32)
    x, y, z = (np.linspace(-3, 3, n) for n in size)
    mu = np.exp(-(z[:, None, None] ** 2) - 0.7 * y[:, None] ** 2 - 0.9 * (x - 0.4) ** 2)
    mu += 0.5 * np.exp(-3 * (z[:, None, None] - 0.5) ** 2 - 2 * (y[:, None] + 1) ** 2 - x**2)
    return AttenuationVolume((40 * mu).astype(np.float32), affine(size=size))


@pytest.fixture(scope='module')
def smooth_scene():
    """The derivative by central differences of an image whose steps are 20 to a voxel."""
    volume, camera = smooth_volume(), PinholeCamera(9, 8, 44.0, 42.0, 5.1, 2.6)
    pose = carm_from_ct(volume, [0.01, -0.005, 0.02, 0.3, -0.2, 0.5], distance_m=0.4)
    ct_from_carm = se3.inverse(pose)
    both = [
        se3.inverse(se3.perturb(sign * xi, ct_from_carm, volume.isocentre_m))
        for xi in 1e-4 * np.eye(6)
        for sign in (1, -1)
    ]
    image, _ = render_double(volume, camera, torch.as_tensor(np.stack(both)), 2e-4)
    expected = (image[0::2] - image[1::2]).numpy() / 2e-4
    return volume, camera, pose, np.moveaxis(expected, 0, -1)


@pytest.mark.parametrize('backend', ['numba', 'torch'])
@pytest.mark.parametrize(('step_m', 'tolerance'), [(4e-3, 0.06), (5e-4, 0.0075)])
def test_continuum_columns_are_the_derivative_of_the_integral(
    smooth_scene, backend, step_m, tolerance
):
    """The gradient jumps between cells, so the error falls with the first power of the step."""
    volume, camera, pose, expected = smooth_scene
    columns, discrete = (
        render(volume, camera, pose, kind, step_m=step_m, backend=backend).jacobian[0]
        for kind in ('continuum', 'discrete')
    )
    errors = [relative_error(columns[..., i], expected[..., i]) for i in range(6)]
    assert max(errors) < tolerance
    # Depth is what the projection is for; the rotation columns only see it in part.
    assert errors[2] < 0.5 * relative_error(discrete[..., 2], expected[..., 2])
    direction = camera.ray_directions() @ se3.inverse(pose)[:3, :3].T
    along = np.einsum('hwi,hwi->hw', columns[..., :3], direction)
    assert np.abs(along).max() < 1e-5 * np.abs(expected[..., :3]).max()


@pytest.mark.parametrize('jacobian', ['discrete', 'continuum'])
def test_isocentre_moves_the_rotation_columns_only(jacobian):
    """J_w about c' is J_w about c plus (c - c') x J_v, whatever the volume."""
    volume = random_volume(3)
    pose = poses(volume, 1)[0]
    shift = np.array([0.05, -0.03, 0.02])
    here = render(volume, CAMERA, pose, jacobian).jacobian
    there = render(volume, CAMERA, pose, jacobian, isocentre_m=volume.isocentre_m + shift).jacobian
    assert np.array_equal(here[..., :3], there[..., :3])
    expected = here[..., 3:] - np.cross(shift, here[..., :3])
    assert relative_error(there[..., 3:], expected) < JACOBIAN_TOLERANCE


def test_gradients_reach_the_volume(monkeypatch):
    """
    Image and columns are linear in mu, so <weights, output> equals <gradient, mu>.

    Chunks of a few rays are marched again in the backward pass, as those of large images are.
    """
    monkeypatch.setattr(torch_backend, '_SAMPLES_PER_CHUNK', 200)
    volume = random_volume(5, size=(6, 5, 7))
    camera = PinholeCamera(6, 4, 40.0, 40.0, 2.5, 1.5)
    mu = torch.as_tensor(volume.mu_per_m).double().requires_grad_()
    pose = torch.as_tensor(poses(volume, 2))
    image, columns = render_double(volume, camera, pose, STEP_M, 'continuum', mu)
    random = torch.Generator().manual_seed(0)
    total = (image * torch.rand(image.shape, generator=random)).sum()
    total = total + (columns * torch.rand(columns.shape, generator=random)).sum()
    total.backward()
    assert mu.grad.abs().max() > 0
    assert (mu.grad * mu.detach()).sum().item() == pytest.approx(total.item(), rel=1e-12)


def test_gradients_reach_volume_and_pose_together():
    volume = random_volume(7, size=(4, 5, 3))
    camera = PinholeCamera(3, 2, 30.0, 30.0, 1.2, 0.3)
    start = torch.as_tensor(poses(volume, 1)[0])

    def image(mu, xi):
        pose = moved(xi, start, volume.isocentre_m)
        return render_double(volume, camera, pose[None], STEP_M, 'none', mu)[0]

    mu = torch.as_tensor(volume.mu_per_m).double().requires_grad_()
    xi = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(image, (mu, xi), eps=1e-7, atol=1e-5)
