"""From X-rays to a pose: targets by Siddon with another attenuation, never by our renderer."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from surgical_perception.errors import InputError
from surgical_perception.geometry import frames, se3
from xray_registration.config import MultistartConfig
from xray_registration.registration import Cancelled, register
from xray_registration.result import SolverStatus, Verdict
from xray_registration.simulation.siddon import project
from xray_registration.views import View
from xray_registration.volume.attenuation import AttenuationConfig

OTHER_ATTENUATION = AttenuationConfig(22.0, -900.0, 1.2)


def moved(carm_from_ct, isocentre_m, mm, deg, seed):
    rng = np.random.default_rng(seed)
    twist = np.concatenate([1e-3 * rng.uniform(-mm, mm, 3), np.deg2rad(rng.uniform(-deg, deg, 3))])
    return se3.perturb(twist, carm_from_ct, se3.apply(carm_from_ct, isocentre_m))


def mtre_mm(a, b, points):
    return 1e3 * np.linalg.norm(se3.apply(a, points) - se3.apply(b, points), axis=1).mean()


@pytest.mark.parametrize('seed', range(4))
def test_one_view_finds_the_pose(view, volumes, carm_from_ct, config, bone_points, seed):
    start = moved(carm_from_ct, volumes.isocentre_m, 15, 8, seed)
    result = register([view], volumes, start, config)
    # One view of a 3 mm phantom: depth is the weak direction.
    assert mtre_mm(result.reference_from_ct, carm_from_ct, bone_points) < 1.0
    assert result.verdict is Verdict.OK, result.reason
    assert result.sigma_mm[2] > 2 * result.sigma_mm[:2].max()
    assert result.covariance == pytest.approx(result.covariance.T)


@pytest.fixture(scope='module')
def biplane(ct, camera, carm_from_ct, volumes):
    """Two shots of a tracked C-arm, in a patient frame that is neither camera's nor the CT's."""
    patient_from_ct = se3.exp(np.array([0.2, -0.1, 0.05, 0.3, 0.1, -0.7]))
    lateral = frames.carm_from_ct_at('LAT_L', volumes.isocentre_m, 0.7)
    views = [
        View(
            project(ct, camera, pose, OTHER_ATTENUATION),
            camera,
            pose @ se3.inverse(patient_from_ct),
        )
        for pose in (carm_from_ct, lateral)
    ]
    return views, patient_from_ct


def test_two_views_fix_the_depth(biplane, view, volumes, carm_from_ct, config, bone_points):
    views, patient_from_ct = biplane
    start = moved(patient_from_ct, volumes.isocentre_m, 12, 6, 0)
    result = register(views, volumes, start, config)
    assert mtre_mm(result.reference_from_ct, patient_from_ct, bone_points) < 0.4
    one = register([view], volumes, carm_from_ct, config)
    assert result.sigma_mm[2] < 0.5 * one.sigma_mm[2]


def test_the_reference_frame_does_not_change_the_answer(view, volumes, carm_from_ct, config):
    start = moved(carm_from_ct, volumes.isocentre_m, 8, 4, 1)
    plain = register([view], volumes, start, config)
    camera_from_reference = se3.exp(np.array([0.4, 0.1, -0.3, 1.0, -0.4, 0.2]))
    tracked = register(
        [replace(view, camera_from_reference=camera_from_reference)],
        volumes,
        se3.inverse(camera_from_reference) @ start,
        config,
    )
    carm = camera_from_reference @ tracked.reference_from_ct
    assert np.abs(carm - plain.reference_from_ct).max() < 1e-6
    assert tracked.sigma_mm == pytest.approx(plain.sigma_mm, rel=1e-4)


def test_a_mask_removes_an_instrument(view, volumes, carm_from_ct, config, bone_points):
    spoilt, mask = view.image.copy(), np.ones(view.image.shape, bool)
    spoilt[30:100, 40:75] += 4 * view.image.max()
    mask[27:103, 37:78] = False
    start = moved(carm_from_ct, volumes.isocentre_m, 10, 5, 2)
    result = register([replace(view, image=spoilt, mask=mask)], volumes, start, config)
    assert mtre_mm(result.reference_from_ct, carm_from_ct, bone_points) < 1.5
    assert result.verdict is Verdict.OK, result.reason


def test_multistart_finds_what_one_start_does_not(
    view, volumes, carm_from_ct, config, bone_points
):
    # A patient turned by 100 degrees on the table: far outside the basin of one start.
    turned = np.array([0, 0, 0, 0, 0, np.deg2rad(100)])
    start = se3.perturb(turned, carm_from_ct, se3.apply(carm_from_ct, volumes.isocentre_m))
    one = register([view], volumes, start, config)
    assert mtre_mm(one.reference_from_ct, carm_from_ct, bone_points) > 5
    assert one.verdict is Verdict.REJECTED
    around = MultistartConfig(rotation_deg=120.0, in_plane_mm=10.0, depth_mm=10.0)
    wide = replace(config, init='multistart', multistart=around)
    many = register([view], volumes, start, wide)
    assert mtre_mm(many.reference_from_ct, carm_from_ct, bone_points) < 1.0
    assert many.starts > 1


def test_the_search_gives_up_after_its_starts(view, volumes, carm_from_ct, config):
    # Blobs of the size of bones, which are not those of the CT.
    noise = np.random.default_rng(0).normal(size=view.image.shape)
    other = replace(view, image=gaussian_filter(noise, 5).astype(np.float32))
    few = replace(config, init='multistart', multistart=MultistartConfig(max_starts=3))
    result = register([other], volumes, carm_from_ct, few)
    assert result.starts == 3
    assert result.verdict is Verdict.REJECTED
    assert 'do not match' in result.reason


@pytest.mark.parametrize('image', ['blank', 'noise'])
def test_an_image_without_the_patient_is_rejected(view, volumes, carm_from_ct, config, image):
    pixels = np.zeros_like(view.image)
    if image == 'noise':
        pixels += np.random.default_rng(1).normal(size=pixels.shape).astype(np.float32)
    result = register([replace(view, image=pixels)], volumes, carm_from_ct, config)
    assert result.verdict is Verdict.REJECTED
    assert 'shows nothing' in result.reason
    assert result.starts == 0


def test_a_start_beside_the_beam_is_rejected_not_followed(view, volumes, carm_from_ct, config):
    away = carm_from_ct.copy()
    away[0, 3] += 3.0
    result = register([view], volumes, away, config)
    assert result.verdict is Verdict.REJECTED
    assert np.isfinite(result.reference_from_ct).all()


def test_the_same_call_gives_the_same_bits(view, volumes, carm_from_ct, config):
    start = moved(carm_from_ct, volumes.isocentre_m, 10, 5, 3)
    first, second = (register([view], volumes, start, config) for _ in range(2))
    assert np.array_equal(first.reference_from_ct, second.reference_from_ct)


def test_cancelling_raises_and_the_time_limit_answers(view, volumes, carm_from_ct, config):
    with pytest.raises(Cancelled):
        register([view], volumes, carm_from_ct, config, cancelled=lambda: True)
    start = moved(carm_from_ct, volumes.isocentre_m, 10, 5, 3)
    result = register([view], volumes, start, replace(config, timeout_s=0.0))
    assert result.status is SolverStatus.TIMEOUT
    assert result.verdict is not Verdict.OK


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        ({'views': []}, 'at least one view'),
        ({'start': np.zeros((4, 4))}, 'start pose'),
        ({'start': np.diag([1.0, 1, -1, 1])}, 'mirrored'),
        ({'method': 'magic'}, 'magic'),
        ({'init': 'guess'}, 'guess'),
    ],
)
def test_arguments_that_do_not_fit_are_named(view, volumes, config, arguments, words):
    views, start = arguments.pop('views', [view]), arguments.pop('start', np.eye(4))
    with pytest.raises(InputError, match=words):
        register(views, volumes, start, replace(config, **arguments))
