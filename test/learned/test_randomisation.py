from dataclasses import fields

import pytest
import torch

from xray_registration.learned import randomisation
from xray_registration.learned.randomisation import TRANSFORMS, RandomisationConfig, randomised

NONE = dict.fromkeys(TRANSFORMS, 0.0)


class Scripted:
    """Gives each draw the share of its range that a test asks for, and keeps the range."""

    def __init__(self, share):
        self.share, self.ranges = share, []

    def __call__(self, low, high):
        self.ranges.append((low, high))
        return low + self.share * (high - low)

    def whole(self, low, high):
        return low + round(self.share * (high - low))

    def normal(self, like):
        return torch.ones_like(like)


@pytest.fixture
def image():
    return torch.rand(1, 40, 48, generator=torch.Generator().manual_seed(0))


def test_every_probability_has_its_transform():
    assert [field.name for field in fields(RandomisationConfig)] == ['share', *TRANSFORMS]


@pytest.mark.parametrize('name', TRANSFORMS)
def test_each_changes_the_image_keeps_its_range_and_lets_gradients_through(name):
    config = RandomisationConfig(**{**NONE, name: 1.0})
    batch = torch.rand(6, 1, 40, 48, generator=torch.Generator().manual_seed(1)).requires_grad_()
    found = randomised(batch, config, torch.Generator().manual_seed(2))
    assert found.shape == batch.shape
    assert found.min() >= 0
    assert found.max() <= 1
    assert not torch.equal(found, batch)
    found.sum().backward()
    assert batch.grad.isfinite().all()


def test_the_same_seed_gives_the_same_images_and_another_one_others(image):
    def drawn(seed):
        return randomised(image[None], RandomisationConfig(), torch.Generator().manual_seed(seed))

    assert torch.equal(drawn(3), drawn(3))
    assert not torch.equal(drawn(3), drawn(4))


def test_a_share_of_the_images_stays_as_it_is(image):
    batch = image[None].repeat(400, 1, 1, 1)
    config = RandomisationConfig(share=0.6, **{**NONE, 'smoothing': 1.0})
    found = randomised(batch, config, torch.Generator().manual_seed(5))
    changed = (found != batch).flatten(1).any(1).float().mean()
    assert 0.5 < changed < 0.7


def test_without_probability_nothing_happens(image):
    config = RandomisationConfig(**NONE)
    assert torch.equal(randomised(image[None], config, torch.Generator()), image[None])


def test_a_transform_happens_as_often_as_its_probability_says():
    config = RandomisationConfig(**{**NONE, 'erasing': 0.5})
    batch = torch.rand(400, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    found = randomised(batch, config, torch.Generator().manual_seed(1))
    changed = (found != batch).flatten(1).any(1).sum().item()
    assert 160 < changed < 240


@pytest.mark.parametrize('share, low, high', [(0.0, 0.02, 0.02), (1.0, 0.4, 0.4)])
def test_erasing_covers_the_share_that_is_asked_for(share, low, high):
    image = torch.arange(100.0 * 120).reshape(1, 100, 120)
    erased = randomisation.erasing(image, Scripted(share))
    covered = (erased != image).float().mean().item()
    # A rectangle that would be wider than the image is cut.
    assert 0.4 * low < covered <= 1.1 * high
    assert erased[erased != image].unique().tolist() == [image.mean().item()]


@pytest.mark.parametrize(
    'name, ranges',
    [
        ('noise', [(-0.15, 0.1)]),
        ('bounds', [(-0.04, 0.02), (0.9, 1.05)]),
        ('scale', [(0.9, 1.05)]),
        ('gamma', [(0.7, 1.3)]),
        ('sine', [(0.8, 1.1), (0.8, 1.1), (-0.5, 0.4)]),
    ],
)
def test_ranges_are_the_published_ones(image, name, ranges):
    draw = Scripted(0.5)
    TRANSFORMS[name](image, draw)
    assert draw.ranges == ranges


def test_values_are_what_their_formulas_say(image):
    draw, top = Scripted(1.0), image.max()
    torch.testing.assert_close(randomisation.noise(image, draw), image + 0.1 * top)
    torch.testing.assert_close(randomisation.scale(image, draw), 1.05 * image)
    torch.testing.assert_close(randomisation.gamma(image, draw), image.clamp(min=1e-6) ** 1.3)
    torch.testing.assert_close(randomisation.sine(image, draw), 1.1 * torch.sin(1.1 * image + 0.4))
    found = randomisation.bounds(image, draw)
    torch.testing.assert_close(found, 0.02 * top + (1.05 - 0.02) * image)


def test_a_veil_keeps_the_mean_and_takes_contrast(image):
    veiled = randomisation.scatter(image, Scripted(1.0))
    assert veiled.std() < 0.6 * image.std()
    assert veiled.mean().item() == pytest.approx(image.mean().item(), abs=0.02)


def test_quantum_noise_grows_with_attenuation():
    image = torch.cat([torch.zeros(1, 20, 40), torch.ones(1, 20, 40)], 1)
    added = randomisation.quantum_noise(image, Scripted(0.0)) - image
    assert added[:, 20:].mean() > 4 * added[:, :20].mean()
