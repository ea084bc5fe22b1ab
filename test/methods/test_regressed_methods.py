"""Methods `regressor` and `psss`: a network's pose as it is, and refined."""

import numpy as np
import pytest
import torch
from method_checks import CAMERA, errors, moved, registered

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from xray_registration.learned.pose_network import PoseNetwork, PoseNetworkConfig
from xray_registration.learned.regressor import Regressor, RegressorConfig
from xray_registration.pyramid import VolumePyramid
from xray_registration.result import SolverStatus, Verdict
from xray_registration.simulation.siddon import project
from xray_registration.views import View
from xray_registration.volume.attenuation import AttenuationConfig


class Oracle:
    """Stands for a trained regressor: knows what it sees in each view."""

    def __init__(self, seen):
        self._seen = seen

    def start(self, view, isocentre_m):
        return next(pose for known, pose in self._seen if known is view)


def seeing(volumes, *seen):
    return VolumePyramid(volumes.volume, {'regressor': Oracle(seen)})


METHODS = pytest.mark.parametrize('method', ['regressor', 'psss'])


def test_the_pose_is_what_the_network_sees(views, volumes, start):
    result = registered('regressor', views[:1], seeing(volumes, (views[0], start)), None)
    np.testing.assert_allclose(result.reference_from_ct, start, atol=1e-12)
    assert result.status is SolverStatus.CONVERGED
    assert result.iterations == 0
    assert result.verdict is Verdict.REJECTED


def test_a_right_answer_is_believed(views, volumes, truth):
    result = registered('regressor', views[:1], seeing(volumes, (views[0], truth)), None)
    assert result.verdict is Verdict.OK


def test_a_pose_near_the_right_one_is_not_believed(views, volumes, truth):
    # Cost, gain and the covariance of the minimum nearby look as they should.
    near = moved(truth, volumes, [1, -2, 6], [1.5, 1, -1])
    result = registered('regressor', views[:1], seeing(volumes, (views[0], near)), None)
    assert result.verdict is Verdict.REJECTED
    assert 'match best' in result.reason
    assert result.cost < 0.1


@METHODS
def test_of_several_views_the_better_answer_counts(method, views, volumes, truth, start):
    far = moved(truth, volumes, [40, 40, 0], [30, 30, 0])
    for first, second in ((start, far), (far, start)):
        seen = seeing(volumes, (views[0], first), (views[1], second))
        result = registered(method, views, seen, None)
        shift_mm, turn_deg = errors(result, start if method == 'regressor' else truth, volumes)
        assert np.abs(shift_mm).max() < 2
        assert turn_deg < 1


def test_refinement_brings_it_home_where_the_contrast_is_what_the_ct_promises(
    ct, volumes, truth, start
):
    view = View(project(ct, CAMERA, truth, AttenuationConfig()), CAMERA)
    result = registered('psss', [view], seeing(volumes, (view, start)), None)
    shift_mm, turn_deg = errors(result, truth, volumes)
    assert np.abs(shift_mm[:2]).max() < 0.2
    assert abs(shift_mm[2]) < 2
    assert turn_deg < 0.2
    assert result.verdict is Verdict.OK
    assert result.iterations > 2


@METHODS
def test_a_given_start_makes_no_difference(method, views, volumes, truth, start):
    seen = seeing(volumes, (views[0], start))
    with_start, without = (
        registered(method, views[:1], seen, given).reference_from_ct for given in (truth, None)
    )
    np.testing.assert_array_equal(with_start, without)


@METHODS
def test_the_time_limit_keeps_what_was_seen(method, views, volumes, start):
    seen = seeing(volumes, (views[0], start))
    result = registered(method, views[:1], seen, None, timeout_s=0.0)
    assert result.status is SolverStatus.TIMEOUT
    np.testing.assert_allclose(result.reference_from_ct, start, atol=1e-12)


@METHODS
def test_without_weights_it_says_what_it_needs(method, views, volumes):
    with pytest.raises(InputError, match=r'needs weights that .train regressor. wrote'):
        registered(method, views[:1], volumes, None)


@METHODS
def test_an_untrained_network_is_refused_by_the_gate(method, views, volumes):
    torch.manual_seed(0)
    config = PoseNetworkConfig(RegressorConfig((4, 8), (1, 1)), image_size=64)
    network = PoseNetwork(config, Regressor(config.regressor).eval())
    result = registered(
        method, views[:1], VolumePyramid(volumes.volume, {'regressor': network}), None
    )
    assert result.verdict is Verdict.REJECTED
    assert np.isfinite(se3.log(result.reference_from_ct)).all()
