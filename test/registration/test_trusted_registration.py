"""What the gate refuses by name, and what it says of a pose that it accepts."""

from dataclasses import replace

import numpy as np
import pytest

from surgical_perception.geometry import frames, se3
from xray_registration.config import MaskConfig
from xray_registration.registration import register
from xray_registration.result import SolverStatus, Verdict
from xray_registration.simulation.siddon import project
from xray_registration.views import View
from xray_registration.volume.attenuation import AttenuationConfig

OTHER_ATTENUATION = AttenuationConfig(22.0, -900.0, 1.2)


def shot(ct, camera, carm_from_ct, camera_from_reference):
    xray = project(ct, camera, carm_from_ct, OTHER_ATTENUATION)
    return View(xray, camera, camera_from_reference)


def orbital(carm_from_ct, isocentre_m, deg):
    """Return the pose [4, 4] after an orbital rotation of the C-arm."""
    turn = np.array([0, 0, 0, 0, 0, np.deg2rad(deg)])
    return se3.inverse(se3.perturb(turn, se3.inverse(carm_from_ct), isocentre_m))


@pytest.fixture(scope='module')
def accepted(view, volumes, carm_from_ct, config):
    return register([view], volumes, carm_from_ct, config)


@pytest.mark.parametrize('flip', ['horizontal', 'vertical'])
def test_a_mirrored_xray_is_refused_by_the_flip_that_it_needs(
    view, volumes, carm_from_ct, config, flip
):
    mirrored = replace(view, image=frames.flip_image(view.image, flip))
    result = register([mirrored], volumes, carm_from_ct, config)
    assert result.verdict is Verdict.REJECTED
    assert f'mirrored: flipped ({flip})' in result.reason


def test_a_mirrored_xray_is_refused_where_it_looks_right_from_behind(
    view, volumes, carm_from_ct, config
):
    """From the other side of the patient a mirrored image fits as far as perspective lets it."""
    mirrored = replace(view, image=frames.flip_image(view.image, 'horizontal'))
    behind = se3.perturb(
        np.array([0, 0, 0, 0, np.pi, 0]),
        carm_from_ct,
        se3.apply(carm_from_ct, volumes.isocentre_m),
    )
    # However much the gate lets pass otherwise.
    lenient = replace(config.gate, max_cost_ok=2.0, max_cost_degraded=2.0, min_gain_ok=-1.0,
                      min_gain_degraded=-1.0)  # fmt: skip
    blind = replace(config, gate=replace(lenient, test_mirrored=False))
    assert register([mirrored], volumes, behind, blind).verdict is Verdict.OK
    result = register([mirrored], volumes, behind, replace(config, gate=lenient))
    assert result.verdict is Verdict.REJECTED
    assert 'image_flip' in result.reason


def test_an_xray_as_it_should_be_costs_more_mirrored(accepted):
    assert accepted.verdict is Verdict.OK
    assert accepted.evidence.mirrored_ratio > 1.3
    assert accepted.evidence.gain > 0.6
    assert accepted.evidence.agreement > 0.95


def test_a_ct_beside_the_field_is_refused_with_what_to_do(
    ct, camera, carm_from_ct, config, volumes
):
    pose = carm_from_ct.copy()
    pose[0, 3] += 0.10
    whole = replace(config, masks=MaskConfig(automatic=False))
    result = register([shot(ct, camera, pose, np.eye(4))], volumes, carm_from_ct, whole)
    assert result.verdict is Verdict.REJECTED
    assert 'start nearer' in result.reason or 'poor start' in result.reason


def test_views_whose_geometry_is_wrong_contradict_each_other(
    ct, camera, carm_from_ct, config, volumes
):
    lateral = orbital(carm_from_ct, volumes.isocentre_m, 80)
    views = [
        shot(ct, camera, pose, pose @ se3.inverse(carm_from_ct))
        for pose in (carm_from_ct, lateral)
    ]
    right = register(views, volumes, carm_from_ct, config)
    assert right.verdict is Verdict.OK, right.reason
    assert right.evidence.disagreement < 1.5
    wrong = views[1].camera_from_reference.copy()
    wrong[1, 3] += 0.006
    views[1] = replace(views[1], camera_from_reference=wrong)
    result = register(views, volumes, carm_from_ct, config)
    assert result.verdict is Verdict.REJECTED
    assert 'contradict each other' in result.reason


def test_a_blank_view_costs_no_search(view, volumes, carm_from_ct, config):
    blank = replace(view, image=np.zeros_like(view.image))
    result = register([view, blank], volumes, carm_from_ct, config)
    assert result.status is SolverStatus.NOT_STARTED
    assert result.reason.startswith('view 2 shows nothing')
    assert result.reference_from_ct == pytest.approx(carm_from_ct)
    assert result.evidence is None


def test_the_shot_that_is_advised_leaves_what_was_promised(
    ct, camera, carm_from_ct, config, volumes
):
    certain = replace(config, gate=replace(config.gate, advise_above_mm=0.0))
    first = shot(ct, camera, carm_from_ct, np.eye(4))
    alone = register([first], volumes, carm_from_ct, certain).observability
    assert alone.direction == 'along the beam'
    advice = alone.advice
    assert advice.motion == 'orbital'
    assert advice.angle_deg >= 60
    deg = advice.angle_deg if advice.towards == 'left' else -advice.angle_deg
    # The C-arm of the phantom stands nearly AP, so that a rotation to the left is positive.
    second = orbital(carm_from_ct, volumes.isocentre_m, deg)
    views = [first, shot(ct, camera, second, second @ se3.inverse(carm_from_ct))]
    both = register(views, volumes, carm_from_ct, certain).observability
    assert both.sigma_mm < 0.5 * alone.sigma_mm
    assert both.sigma_mm == pytest.approx(advice.sigma_mm, rel=0.6)
