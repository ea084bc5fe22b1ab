"""Stereo networks that a user brings, with small ones in place of RAFT-Stereo."""

import numpy as np
import pytest
import torch

from surg_invnerf.correspondence.registry import make_stereo
from surgical_perception.errors import InputError

# TorchScript is how existing networks are exported, whatever torch recommends for new ones.
pytestmark = pytest.mark.filterwarnings('ignore:.torch.jit:DeprecationWarning')

SIZE = (48, 64)
DISPARITY = 6.0


class Brightness(torch.nn.Module):
    """Its flow is what the red channel of the first image says: -red."""

    def forward(self, image1, image2):
        return image1[:, :1, ::4, ::4], -image1[:, :1] + 0 * image2[:, :1]


class AtPoints(torch.nn.Module):
    """STIRMetrics' form: the flow at each point, [1, N, 1]."""

    def forward(self, pointlist, image1, image2):
        return 0 * pointlist[..., :1] - image1[0, 0, 0, 0] + 0 * image2.mean()


def saved(folder, module):
    images = [torch.zeros(1, 3, *SIZE)] * 2
    points = [torch.zeros(1, 5, 2)] if isinstance(module, AtPoints) else []
    torch.jit.trace(module, (*points, *images)).save(str(folder / 'network.pt'))
    return folder / 'network.pt'


@pytest.mark.parametrize('module', [Brightness(), AtPoints()])
def test_disparity_is_minus_the_flow_where_both_eyes_agree(tmp_path, module):
    matcher = make_stereo('torchscript', None, weights=saved(tmp_path, module))
    eye = np.full((*SIZE, 3), DISPARITY, np.uint8)
    disparity, sigma = matcher.match(eye, eye)
    in_view = np.s_[:, int(DISPARITY) :]
    np.testing.assert_allclose(disparity[in_view], DISPARITY)
    assert (sigma[in_view] < 0.3).all()
    assert np.isnan(disparity[:, : int(DISPARITY)]).all()
    assert np.isinf(sigma[:, : int(DISPARITY)]).all()


def test_what_the_right_eye_contradicts_is_not_trusted(tmp_path):
    matcher = make_stereo('torchscript', None, weights=saved(tmp_path, Brightness()))
    left = np.full((*SIZE, 3), DISPARITY, np.uint8)
    right = left.copy()
    right[20:30, 20:40] = 9  # seen by the left eye six pixels further right
    disparity, _ = matcher.match(left, right)
    assert np.isnan(disparity[20:30, 26:46]).all()
    assert np.isfinite(disparity[:20, 6:]).all()


def test_a_network_for_flow_is_refused(tmp_path):
    class Flow(torch.nn.Module):
        def forward(self, image1, image2):
            return image1[:, :2] + image2[:, :2]

    matcher = make_stereo('torchscript', None, weights=saved(tmp_path, Flow()))
    eye = np.zeros((*SIZE, 3), np.uint8)
    with pytest.raises(InputError, match=r'\(1, 2, 48, 64\).*is it a network for stereo'):
        matcher.match(eye, eye)
