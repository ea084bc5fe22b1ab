"""The radius of a real wrist: what must hold where nobody knows the true pose."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from surgical_perception.geometry import se3
from xray_registration.presets import segmented_bone
from xray_registration.pyramid import VolumePyramid
from xray_registration.registration import register
from xray_registration.result import Verdict
from xray_registration.volume.attenuation import attenuation_from_ct

INSTANT = '0099'
# Within some millimetres of where every search ends; nothing is compared with it.
NEAR = se3.from_rotation_translation(
    [[-0.99489, 0.09901, 0.01964], [0.01474, -0.04999, 0.99864], [0.09986, 0.99383, 0.04827]],
    [0.1197, 0.1185, 0.0701],
)


@pytest.fixture(scope='module')
def radius(data_dir):
    if not (data_dir / 'wrist_biplane').is_dir():
        pytest.skip('the real data hold no wrist_biplane')
    sys.path.insert(0, str(Path(__file__).parents[2] / 'benchmarks'))
    from wrist_data import load_bone

    return load_bone('radius')


@pytest.fixture(scope='module')
def volumes(radius):
    return VolumePyramid(attenuation_from_ct(radius))


@pytest.fixture(scope='module')
def views(radius):
    from wrist_beads import mask_without_beads
    from wrist_data import load_views

    masks = [mask_without_beads(view) for view in load_views(INSTANT)]
    return load_views(INSTANT, masks)


def moved(radius, mm, deg):
    """Return NEAR moved along and turned about all three axes."""
    twist = np.r_[1e-3 * np.array(mm), np.deg2rad(deg)]
    return se3.perturb(twist, NEAR, se3.apply(NEAR, radius.isocentre_m))


def difference(radius, a, b):
    """Return how far two poses lie apart: (mm at the bone's centre, degrees)."""
    shift = se3.apply(a, radius.isocentre_m) - se3.apply(b, radius.isocentre_m)
    return 1e3 * np.linalg.norm(shift), np.rad2deg(se3.rotation_angle(a @ se3.inverse(b)))


@pytest.fixture(scope='module')
def found(radius, views, volumes):
    return register(views, volumes, moved(radius, (2, -2, 2), (2, 2, -2)), segmented_bone())


def test_starts_from_opposite_sides_end_in_one_pose(radius, views, volumes, found):
    other = register(views, volumes, moved(radius, (-3, 2, -2), (-3, -2, 3)), segmented_bone())
    shift_mm, turn_deg = difference(radius, found.reference_from_ct, other.reference_from_ct)
    assert shift_mm < 0.05
    assert turn_deg < 0.1
    assert found.verdict is other.verdict is Verdict.OK, (found.reason, other.reason)


def test_local_and_gradient_correlation_agree(radius, views, volumes, found):
    config = replace(segmented_bone('local_ncc'), init='start')
    local = register(views, volumes, found.reference_from_ct, config)
    shift_mm, turn_deg = difference(radius, found.reference_from_ct, local.reference_from_ct)
    assert shift_mm < 0.5
    assert turn_deg < 1.5


@pytest.mark.parametrize('camera', [0, 1])
def test_one_view_reports_that_it_does_not_see_depth(views, volumes, found, camera):
    one = register([views[camera]], volumes, found.reference_from_ct, segmented_bone())
    assert one.verdict is not Verdict.OK
    assert one.sigma_mm[2] > 1.0
    assert one.sigma_mm[2] > 10 * found.sigma_mm.max()


@pytest.mark.parametrize('mm, deg', [((0, 0, 0), (0, 0, 120)), ((25, 0, 0), (0, 0, 0))])
def test_another_minimum_is_rejected(radius, views, volumes, found, mm, deg):
    """The bone spun about its shaft, and beside itself: it must come back or be refused."""
    config = replace(segmented_bone(), init='start')
    result = register(views, volumes, moved(radius, mm, deg), config)
    shift_mm, turn_deg = difference(radius, found.reference_from_ct, result.reference_from_ct)
    assert shift_mm > 1 or turn_deg > 5, 'this start was to end somewhere else'
    assert result.verdict is Verdict.REJECTED
