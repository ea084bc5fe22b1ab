"""Method `prost`: descent on a network's similarity, then on gradient correlation."""

import numpy as np
import pytest
import torch
from method_checks import errors, registered

from surgical_perception.errors import InputError
from xray_registration.learned.encoder import EncoderConfig
from xray_registration.learned.network import SimilarityNetwork, SimilarityNetworkConfig
from xray_registration.methods import prost
from xray_registration.pyramid import VolumePyramid
from xray_registration.result import SolverStatus, Verdict


@pytest.fixture(scope='module')
def learned_volumes(volumes):
    """The CT with a random network: its features are edges of some kind."""
    torch.manual_seed(0)
    config = SimilarityNetworkConfig(
        EncoderConfig(4, (6, 8, 8, 8), 1, 6), image_size=64, voxel_mm=3.0
    )
    return VolumePyramid(volumes.volume, {'similarity': SimilarityNetwork(config).eval()})


def test_rates_fall_for_the_network_and_cycle_for_the_gradients():
    falling = [prost._falling(step) for step in range(0, 60, 10)]
    np.testing.assert_allclose(falling, 0.01 * 0.8 ** np.arange(6))
    cyclic = [prost._cyclic(step) for step in (0, 10, 20, 30, 40, 60)]
    np.testing.assert_allclose(cyclic, [1e-3, 2e-3, 3e-3, 2e-3, 1e-3, 3e-3])


@pytest.mark.parametrize('cost, rate', [(0.1, 0.01), (1.0, 0.01), (50.0, 0.0002)])
def test_steps_are_those_of_a_cost_of_order_one(cost, rate):
    assert prost._scaled(prost._falling, cost)(0) == pytest.approx(rate)


def test_a_pose_is_found_and_judged_like_any_other(views, learned_volumes, truth, start):
    result = registered('prost', views[:1], learned_volumes, start)
    shift_mm, turn_deg = errors(result, truth, learned_volumes)
    assert np.abs(shift_mm[:2]).max() < 0.3
    assert abs(shift_mm[2]) < 5
    assert turn_deg < 0.5
    assert result.verdict is Verdict.OK
    assert result.status is SolverStatus.CONVERGED


def test_the_strides_run_coarse_to_fine_and_gradients_end_it(
    views, learned_volumes, start, monkeypatch
):
    seen = []

    class Watched(prost.LevelObjective):
        def __init__(self, views, volumes, level, config):
            super().__init__(views, volumes, level, config)
            seen.append((level.similarity, level.stride, level.image_size))

    monkeypatch.setattr(prost, 'LevelObjective', Watched)
    monkeypatch.setattr(prost, '_STEPS', 1)
    registered('prost', views[:1], learned_volumes, start)
    assert seen == [('learned', 16, 64), ('learned', 4, 64), ('gradient_ncc', 0, 128)]


def test_a_second_view_sees_the_depth(views, learned_volumes, truth, start, monkeypatch):
    monkeypatch.setattr(prost, '_STEPS', 20)
    result = registered('prost', views, learned_volumes, start)
    shift_mm, turn_deg = errors(result, truth, learned_volumes)
    assert np.abs(shift_mm).max() < 0.5
    assert turn_deg < 0.3


def test_the_same_call_gives_the_same_pose(views, learned_volumes, start, monkeypatch):
    monkeypatch.setattr(prost, '_STEPS', 5)
    first, second = (
        registered('prost', views[:1], learned_volumes, start).reference_from_ct for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_the_time_limit_stops_it_where_it_is(views, learned_volumes, start):
    result = registered('prost', views[:1], learned_volumes, start, timeout_s=0.0)
    assert result.status is SolverStatus.TIMEOUT
    np.testing.assert_allclose(result.reference_from_ct, start, atol=1e-12)


def test_without_a_start_or_weights_it_says_so(views, volumes, learned_volumes):
    with pytest.raises(InputError, match='prost needs a start'):
        registered('prost', views[:1], learned_volumes, None)
    with pytest.raises(InputError, match=r'needs weights that .train similarity. wrote'):
        registered('prost', views[:1], volumes, None)
