import pytest
import torch

from xray_registration.training import surroundings as bodies
from xray_registration.training.surroundings import with_surroundings


class Draw:
    """The middle of every range, but so many shafts and small bones."""

    def __init__(self, shafts=0, bones=0):
        self._counts = [shafts, bones]

    def __call__(self, low, high):
        return (low + high) / 2

    def whole(self, low, high):
        count = self._counts.pop(0)
        assert low <= count <= high
        return count


def test_a_ray_through_the_middle_runs_a_whole_diameter_and_one_beside_none():
    x = torch.tensor([0.0, 0.6, 1.0, 2.0])
    assert torch.allclose(bodies._chord(x), torch.tensor([1.0, 0.8, 0.0, 0.0]))


def test_a_hollow_body_lacks_its_marrow():
    x = torch.tensor([0.0, 0.7, 0.9])
    # Within half the radius a share of 0.8 is missing.
    expected = bodies._chord(x) - 0.8 * torch.tensor([0.5, 0.0, 0.0])
    assert torch.allclose(bodies._hollow(x, 0.5, 0.8), expected)


@pytest.mark.parametrize('shafts, bones', [(0, 0), (2, 0), (0, 6), (2, 6)])
def test_they_are_added_in_units_of_the_bone(shafts, bones):
    bone = torch.zeros(1, 40, 48)
    bone[:, 10:30, 20:26] = 3.0
    added = bodies._surrounded(bone, Draw(shafts, bones)) - bone
    assert added.min() >= -1e-6
    twice = bodies._surrounded(2 * bone, Draw(shafts, bones)) - 2 * bone
    assert torch.allclose(twice, 2 * added, atol=1e-5)
    # The limb is in the middle, 1.1 times the bone where it is thickest; more goes over it.
    if shafts or bones:
        assert added.sum() > (bodies._surrounded(bone, Draw()) - bone).sum() + 1
    else:
        assert added[0, 20, 24] == pytest.approx(3.3, rel=0.01)


def test_every_image_has_its_own_and_the_seed_repeats_them():
    images = torch.ones(3, 1, 32, 32)
    first, again = (with_surroundings(images, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first[0], first[1])
