"""The direction that is not seen is named, and the shot that helps is the one that does."""

from types import SimpleNamespace

import numpy as np
import pytest

from surgical_perception.geometry import frames, se3
from xray_registration import observability as module
from xray_registration.config import GateConfig
from xray_registration.covariance import UNKNOWN_VARIANCE
from xray_registration.observability import Observability, SecondShot, observability

ISOCENTRE = np.array([0.02, -0.1, 0.3])
AP = frames.carm_from_ct_at('AP', ISOCENTRE, 0.7)


def seen(twist_covariance, carm_from_ct=AP, views=1):
    request = SimpleNamespace(
        camera_from_reference=np.eye(4),
        isocentre_m=ISOCENTRE,
        config=SimpleNamespace(gate=GateConfig(advise_above_mm=np.inf)),
    )
    objective = SimpleNamespace(terms=[None] * views)
    return observability(request, objective, se3.inverse(carm_from_ct), twist_covariance)


def in_camera_axes(sigmas, carm_from_ct=AP):
    rotation = np.zeros((6, 6))
    rotation[:3, :3] = rotation[3:, 3:] = carm_from_ct[:3, :3]
    return rotation.T @ np.diag(np.square(sigmas)) @ rotation


@pytest.mark.parametrize(
    ('sigmas', 'direction', 'sigma_mm'),
    [
        ([1e-4, 1e-4, 4e-3, 1e-4, 1e-4, 1e-4], 'along the beam', 4.0),
        ([3e-3, 1e-4, 1e-3, 1e-4, 1e-4, 1e-4], 'from left to right in the image', 3.0),
        ([1e-4, 2e-3, 1e-3, 1e-4, 1e-4, 1e-4], 'up and down in the image', 2.0),
        # A rotation counts as the motion of a point 50 mm off.
        ([1e-4, 1e-4, 1e-3, 1e-4, 0.04, 1e-4], "a turn about the image's vertical axis", 2.0),
    ],
)
def test_the_least_certain_direction_has_a_name(sigmas, direction, sigma_mm):
    found = seen(in_camera_axes(sigmas))
    assert found.direction == direction
    assert found.sigma_mm == pytest.approx(sigma_mm, rel=1e-6)
    assert direction in found.text()


def test_the_sentence_says_what_to_do():
    shot = SecondShot('orbital', 60, 'left', 0.42)
    text = Observability('along the beam', 4.12, 1, shot).text()
    assert text == (
        'this view does not see along the beam (sigma 4.1 mm); a second shot 60 deg orbital, '
        'source towards the left, would leave 0.42 mm'
    )


def test_nothing_is_advised_where_nothing_is_known():
    assert seen(UNKNOWN_VARIANCE * np.eye(6)).advice is None


def test_the_source_moves_to_the_side_that_is_named():
    # AP: the source is in front.  Right-handed about the axis to the head it moves to the left.
    term = SimpleNamespace(camera_from_reference=np.eye(4))
    pose = se3.inverse(AP)
    for twist, side in (
        ([0, 0, 0, 0, 0, 1.0], 'left'),
        ([0, 0, 0, 0, 0, -1.0], 'right'),
        ([0, 0, 0, 0.5, 0, 0], 'feet'),
        ([0, 0, 0, -0.5, 0, 0], 'head'),
    ):
        assert module._side(term, pose, se3.perturb(np.array(twist), pose, ISOCENTRE)) == side
