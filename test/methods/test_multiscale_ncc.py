"""DiffPose's loss: what it sees, what it is blind to, and that masks hide what they cover."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from surgical_perception.errors import InputError
from xray_registration.methods.multiscale_ncc import PATCH, MultiscaleNcc


def texture(seed, shape=(40, 44)):
    return gaussian_filter(np.random.default_rng(seed).random(shape), 1.5).astype(np.float32)


def loss(moving, fixed, mask=None):
    mask = np.ones(fixed.shape, bool) if mask is None else mask
    return MultiscaleNcc(fixed, mask)(torch.from_numpy(moving)).item()


def test_gain_and_offset_do_not_count_and_sign_does():
    image = texture(0)
    assert loss(3 * image + 2, image) == pytest.approx(0, abs=0.02)
    assert loss(-image, image) == pytest.approx(2, abs=0.03)
    assert loss(texture(1), image) == pytest.approx(1, abs=0.2)


def test_it_is_the_mean_of_image_and_patches_by_hand():
    a, b = (texture(seed).astype(float) for seed in (0, 1))
    a, b = ((image - image.mean()) / image.std() for image in (a, b))
    windows = (
        np.lib.stride_tricks.sliding_window_view(image, (PATCH, PATCH)).reshape(-1, PATCH**2)
        for image in (a, b)
    )
    patches = [np.corrcoef(p, q)[0, 1] for p, q in zip(*windows, strict=True)]
    expected = 1 - 0.5 * ((a * b).mean() + np.mean(patches))
    assert loss(texture(0), texture(1)) == pytest.approx(expected, abs=2e-3)


def test_a_step_is_seen_by_the_image_and_only_by_the_patches_across_it():
    step = np.where(np.arange(44) < 22, 0, 40).astype(np.float32) * np.ones((40, 1), np.float32)
    across = (PATCH - 1) / (44 - PATCH + 1)
    found = loss(texture(0) + step, texture(1) + step)
    assert found == pytest.approx(0.5 * (1 - across), abs=0.02)


def test_what_is_masked_does_not_count_and_has_no_gradient():
    image, mask = texture(0), np.ones((40, 44), bool)
    mask[10:18, 20:30] = False
    spoiled = np.where(mask, image, 50.0).astype(np.float32)
    clean = loss(texture(1), image, mask)
    assert loss(texture(1), spoiled, mask) == pytest.approx(clean, abs=1e-6)
    assert abs(loss(texture(1), spoiled) - clean) > 0.1
    moving = torch.from_numpy(spoiled).requires_grad_()
    MultiscaleNcc(texture(1), mask)(moving).backward()
    assert moving.grad[torch.from_numpy(~mask)].abs().max() == 0
    assert moving.grad.abs().max() > 0


@pytest.mark.parametrize('flat', ['moving', 'fixed', 'mask'])
def test_nothing_to_see_is_a_loss_of_one_and_no_gradient(flat):
    moving, fixed, mask = texture(0), texture(1), np.ones((40, 44), bool)
    if flat == 'mask':
        mask[:] = False
    else:
        (moving if flat == 'moving' else fixed)[:] = 7
    image = torch.from_numpy(moving).requires_grad_()
    found = MultiscaleNcc(fixed, mask)(image)
    found.backward()
    assert found.item() == pytest.approx(1, abs=1e-3)
    assert torch.isfinite(image.grad).all()


def test_an_image_without_room_for_a_patch_is_refused():
    with pytest.raises(InputError, match='is 44x12 pixels, smaller than the patches of 13'):
        loss(texture(0, (12, 44)), texture(1, (12, 44)))
