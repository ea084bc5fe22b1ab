"""Registration without a start: the C-arm stands near a standard position, nobody says which."""

from dataclasses import replace

import numpy as np
import pytest

from surgical_perception.errors import InputError
from surgical_perception.geometry import frames, se3
from xray_registration.methods.request import Estimate
from xray_registration.registration import register
from xray_registration.result import SolverStatus, Verdict
from xray_registration.search.minima import Minima
from xray_registration.similarity.linearisation import Linearisation
from xray_registration.simulation.siddon import project
from xray_registration.views import View
from xray_registration.volume.attenuation import AttenuationConfig

OTHER_ATTENUATION = AttenuationConfig(22.0, -900.0, 1.2)


@pytest.fixture(scope='module')
def searching(config):
    return replace(config, init='multistart', source_to_isocentre_mm=700.0)


def shot_near(position, ct, camera, seed, camera_from_reference=None):
    """Return (View, reference_from_ct) of an X-ray within 20 degrees and 30 mm of a position."""
    rng = np.random.default_rng(seed)
    nominal = frames.carm_from_ct_at(position, ct.isocentre_m, 0.7)
    twist = np.concatenate([rng.uniform(-0.03, 0.03, 3), np.deg2rad(rng.uniform(-20, 20, 3))])
    carm_from_ct = se3.perturb(twist, nominal, se3.apply(nominal, ct.isocentre_m))
    camera_from_reference = np.eye(4) if camera_from_reference is None else camera_from_reference
    image = project(ct, camera, carm_from_ct, OTHER_ATTENUATION)
    return View(image, camera, camera_from_reference), (
        se3.inverse(camera_from_reference) @ carm_from_ct
    )


def mtre_mm(a, b, points):
    return 1e3 * np.linalg.norm(se3.apply(a, points) - se3.apply(b, points), axis=1).mean()


@pytest.mark.parametrize('position', frames.POSITIONS)
def test_the_c_arm_is_found_near_every_position(
    position, ct, volumes, camera, searching, bone_points
):
    camera_from_reference = se3.exp(np.array([0.4, 0.1, -0.3, 1.0, -0.4, 0.2]))
    view, reference_from_ct = shot_near(position, ct, camera, 1, camera_from_reference)
    result = register([view], volumes, None, searching)
    from_truth = register([view], volumes, reference_from_ct, replace(searching, init='start'))
    # What one view of a 3 mm phantom leaves open in depth is not the search's.
    found, expected = result.reference_from_ct, from_truth.reference_from_ct
    assert mtre_mm(found, expected, bone_points) < 0.5
    assert mtre_mm(found, reference_from_ct, bone_points) < 5


def test_two_views_are_searched_together(ct, volumes, camera, searching, bone_points):
    first, patient_from_ct = shot_near('LAT_R', ct, camera, 2, se3.exp(np.full(6, 0.2)))
    second_from_first = se3.perturb(
        np.array([0, 0, 0, 0.1, np.deg2rad(75), 0]), np.eye(4), np.array([0, 0, 0.7])
    )
    second_from_patient = second_from_first @ first.camera_from_reference
    pose = second_from_patient @ patient_from_ct
    second = View(project(ct, camera, pose, OTHER_ATTENUATION), camera, second_from_patient)
    result = register([first, second], volumes, None, searching)
    assert mtre_mm(result.reference_from_ct, patient_from_ct, bone_points) < 0.4
    assert result.verdict is Verdict.OK, result.reason


def test_fewer_positions_are_fewer_poses(ct, volumes, camera, searching, bone_points):
    view, reference_from_ct = shot_near('AP', ct, camera, 3)
    one = replace(searching.multistart, hypotheses=3)
    frontal = replace(searching, positions=('AP',), multistart=one)
    unverified = replace(frontal, gate=replace(frontal.gate, verified_cost=0.0))
    assert register([view], volumes, None, unverified).starts == 3
    result = register([view], volumes, None, replace(frontal, multistart=searching.multistart))
    assert mtre_mm(result.reference_from_ct, reference_from_ct, bone_points) < 5


def test_the_search_has_an_end(volumes, camera, searching):
    noise = np.random.default_rng(0).normal(size=(128, 128)).astype(np.float32)
    few = replace(searching.multistart, hypotheses=4, max_starts=12)
    unjudged = replace(searching.gate, min_structure=-1.0)
    settings = replace(searching, multistart=few, gate=unjudged)
    result = register([View(noise, camera)], volumes, None, settings)
    # Nothing matches, so half of the poses are enough.
    assert 6 <= result.starts < 12
    assert result.verdict is Verdict.REJECTED


def test_a_time_limit_of_nothing_is_answered(ct, volumes, camera, searching):
    view, _ = shot_near('AP', ct, camera, 3)
    result = register([view], volumes, None, replace(searching, timeout_s=0.0))
    assert result.status is SolverStatus.TIMEOUT
    assert result.verdict is not Verdict.OK


@pytest.mark.parametrize(
    ('settings', 'words'),
    [
        ({'positions': ()}, 'positions is empty'),
        ({'positions': ('AP', 'RAO')}, "'RAO' is unknown"),
        ({'source_to_isocentre_mm': -700.0}, 'source_to_isocentre_mm is -700'),
        ({'source_to_isocentre_mm': np.nan}, 'source_to_isocentre_mm is nan'),
    ],
)
def test_settings_that_cannot_be_searched_are_named(view, volumes, searching, settings, words):
    with pytest.raises(InputError, match=words):
        register([view], volumes, None, replace(searching, **settings))


ISOCENTRE_M = np.array([0.1, -0.2, 0.3])


def minimum(cost, shift_m=0.0, turn_rad=0.0):
    pose = se3.perturb(np.array([shift_m, 0, 0, 0, 0, turn_rad]), np.eye(4), ISOCENTRE_M)
    model = Linearisation(cost, np.zeros(6), np.eye(6), np.zeros((1, 6)))
    return Estimate(pose, model, SolverStatus.CONVERGED, 1, 1)


def test_a_minimum_is_followed_once():
    minima = Minima(ISOCENTRE_M)
    assert minima.is_worthwhile(minimum(0.3))
    assert not minima.is_worthwhile(minimum(0.3, shift_m=0.004))
    assert not minima.is_worthwhile(minimum(0.3, turn_rad=0.02))
    assert minima.is_worthwhile(minimum(0.3, shift_m=0.02))
    assert minima.is_worthwhile(minimum(0.3, turn_rad=0.2))


def test_a_hopeless_minimum_is_not_followed():
    minima = Minima(ISOCENTRE_M)
    assert minima.is_worthwhile(minimum(0.1))
    assert minima.is_worthwhile(minimum(0.15, 0.1))
    assert not minima.is_worthwhile(minimum(0.3, 0.2))
    assert minima.is_worthwhile(minimum(0.01, 0.3))
    assert not minima.is_worthwhile(minimum(0.1, 0.4))


def test_a_cost_that_is_no_number_is_left_to_the_solver():
    assert Minima(ISOCENTRE_M).is_worthwhile(minimum(np.nan))


def test_one_minimum_stands_out_far_below_all_others():
    minima = Minima(ISOCENTRE_M)
    minima.is_worthwhile(minimum(0.1))
    assert minima.one_stands_out()
    minima.is_worthwhile(minimum(0.15, 0.1))
    assert not minima.one_stands_out()
    minima.is_worthwhile(minimum(0.04, 0.2))
    assert minima.one_stands_out()
