"""Starts fill their range; points of errors lie on bone."""

import numpy as np
import pytest

from surgical_perception.errors import InputError
from surgical_perception.geometry import frames, se3
from xray_registration.benchmark.bone_points import bone_points
from xray_registration.benchmark.starts import START_RANGES, perturbed, starts
from xray_registration.volume.ct_image import CtImage

AFFINE = np.diag([2e-3, -3e-3, 4e-3, 1.0])
AFFINE[:3, 3] = [0.1, 0.3, -0.2]


def ct_with(hu, labels=None, is_hu=True):
    return CtImage(hu, AFFINE, 'synthetic', '', labels, is_hu)


@pytest.fixture
def ct():
    return ct_with(np.zeros((20, 22, 24), np.int16))


@pytest.fixture
def truth(ct):
    return np.stack(
        [frames.carm_from_ct_at(position, ct.isocentre_m, 0.7) for position in frames.POSITIONS]
    )


def test_starts_are_reproducible_and_differ_by_seed(ct, truth):
    a, again, b = (starts(truth, ct.isocentre_m, START_RANGES[0], 3, seed) for seed in (1, 1, 2))
    assert a.shape == (4, 3, 4, 4) and not np.allclose(a, b)
    np.testing.assert_array_equal(a, again)


def test_more_poses_leave_the_starts_of_the_first_ones_alone(ct, truth):
    few = starts(truth[:2], ct.isocentre_m, START_RANGES[0], 3, 1)
    np.testing.assert_array_equal(starts(truth, ct.isocentre_m, START_RANGES[0], 3, 1)[:2], few)


def test_a_range_is_named_by_its_half_widths():
    assert START_RANGES[0].name == '10 deg / 20 mm / 40 mm'


def test_a_turn_leaves_the_isocentre_where_it_is(ct, truth):
    turned = perturbed(truth[0], ct.isocentre_m, np.array([0, 0, 0, 0.3, -0.2, 0.1]))
    np.testing.assert_allclose(
        se3.apply(turned, ct.isocentre_m), se3.apply(truth[0], ct.isocentre_m), atol=1e-12
    )


def centres(truth, ct):
    """Return a frame [4, 4] per pose: at the isocentre, with the camera's axes."""
    return [
        se3.from_rotation_translation(np.eye(3), se3.apply(pose, ct.isocentre_m)) for pose in truth
    ]


@pytest.mark.parametrize('start_range', START_RANGES, ids=lambda r: r.name)
def test_starts_fill_their_range_about_the_isocentre_in_camera_axes(ct, truth, start_range):
    found = starts(truth, ct.isocentre_m, start_range, 200, seed=3)
    twists = [
        se3.log(se3.inverse(centre) @ start @ se3.inverse(pose) @ centre)
        for pose, centre, group in zip(truth, centres(truth, ct), found, strict=True)
        for start in group
    ]
    largest = np.abs(twists).max(0)
    half_widths = np.r_[
        [start_range.in_plane_mm * 1e-3] * 2,
        start_range.depth_mm * 1e-3,
        [np.deg2rad(start_range.rotation_deg)] * 3,
    ]
    assert (largest <= half_widths * (1 + 1e-9)).all()
    assert (largest > 0.97 * half_widths).all()


def test_bone_points_lie_on_the_surface_of_labelled_bone():
    labels = np.zeros((20, 22, 24), np.uint8)
    labels[5:15, 6:16, 7:17] = 29
    labels[0, 0, 0] = 51  # the heart is no bone
    points = bone_points(ct_with(np.zeros(labels.shape, np.int16), labels), seed=1)
    indices = se3.apply(np.linalg.inv(AFFINE), points) - [7, 6, 5]
    assert len(points) == 10**3 - 8**3
    assert ((indices > -1e-6) & (indices < 9 + 1e-6)).all()
    assert (np.isclose(indices, 0) | np.isclose(indices, 9)).any(axis=1).all()


def test_bone_points_need_bone(ct):
    with pytest.raises(InputError, match='no bone'):
        bone_points(ct, seed=1)
