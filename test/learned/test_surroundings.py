from dataclasses import replace

import numpy as np
import pytest
import torch

from xray_registration.learned import surroundings as bodies
from xray_registration.learned.pose_range import PoseRange
from xray_registration.learned.randomisation import RandomisationConfig
from xray_registration.learned.surroundings import surroundings
from xray_registration.training.presets import similarity_preset
from xray_registration.training.scenes import Scenes
from xray_registration.volume.ct_image import CtImage


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


@pytest.mark.parametrize('shafts, bones', [(0, 0), (3, 0), (0, 8), (3, 8)])
def test_what_is_laid_over_the_bone_only_adds(shafts, bones):
    bone = torch.zeros(1, 40, 48)
    bone[:, 10:30, 20:26] = 1.0
    found = surroundings(bone, Draw(shafts, bones))
    assert found.max() == pytest.approx(1)
    assert found.min() >= 0
    # But for the scale, the bone is what the image has more than one without it.
    without = surroundings(torch.zeros_like(bone), Draw(shafts, bones))
    scale = found[0, 12, 12] / without[0, 12, 12]
    more = found - scale * without
    assert more[bone > 0].min() > 0.05
    assert torch.allclose(more[bone > 0], more[bone > 0][0].expand(120), atol=1e-5)
    assert more[bone == 0].abs().max() < 1e-5


@pytest.mark.parametrize('continued', [False, True])
def test_xrays_of_a_cut_bone_show_what_the_ct_lacks(continued):
    values = np.zeros((40, 24, 24), np.float32)
    values[10:, 8:16, 8:16] = 1000.0  # a shaft that leaves through the upper face
    ct = CtImage(values, np.diag([2e-3, 2e-3, 2e-3, 1.0]), 'shaft', '0' * 64, is_hu=False)
    scene = replace(
        similarity_preset('bone').scene,
        randomisation=RandomisationConfig(share=0.0),
        pose_range=PoseRange(('AP',), 0.0, 0.0, 0.0),
        continued=continued,
    )
    shaft = Scenes([ct], scene, 0).shots(1, 0).fixed[0, 0, :, 20:28].amax(1)
    # 48 pixels of 2.5 mm; the CT's 80 mm are in the middle, its shaft is all but their lower 20.
    assert shaft[12:26].min() > 0.5
    assert shaft[36:].max() == 0
    assert (shaft[:6].min() > 0.5) == continued
