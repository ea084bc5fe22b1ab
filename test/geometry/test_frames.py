"""LPS and RAS, mirrored detectors, and where the patient's sides appear in an X-ray."""

import nibabel as nib
import numpy as np
import pytest

from surgical_perception.errors import InputError
from surgical_perception.geometry import frames, se3
from surgical_perception.geometry.camera import PinholeCamera

ISOCENTRE = np.array([0.02, -0.05, 0.4])
SOURCE_TO_ISOCENTRE_M = 0.7
CAMERA = PinholeCamera.from_carm(101, 81, 1020, 2.0)
CENTRE = np.array([50.0, 40.0])

# In DICOM LPS.
LEFT, FRONT, HEAD = np.eye(3)[0], -np.eye(3)[1], np.eye(3)[2]


def pixel(position, point):
    carm_from_ct = frames.carm_from_ct_at(position, ISOCENTRE, SOURCE_TO_ISOCENTRE_M)
    return CAMERA.project(se3.apply(carm_from_ct, point))


def test_ras_is_lps_turned_by_pi_about_z():
    half_turn = se3.exp([0, 0, 0, 0, 0, np.pi])
    np.testing.assert_allclose(frames.RAS_FROM_LPS, half_turn, atol=1e-15)
    np.testing.assert_array_equal(frames.RAS_FROM_LPS @ frames.LPS_FROM_RAS, np.eye(4))


def test_lps_axes_are_what_nibabel_calls_them():
    assert nib.aff2axcodes(frames.RAS_FROM_LPS) == ('L', 'P', 'S')


@pytest.mark.parametrize('position', ['AP', 'PA', 'LAT_L', 'LAT_R'])
def test_isocentre_lies_on_the_optical_axis(position):
    carm_from_ct = frames.carm_from_ct_at(position, ISOCENTRE, SOURCE_TO_ISOCENTRE_M)
    np.testing.assert_allclose(
        se3.apply(carm_from_ct, ISOCENTRE), [0, 0, SOURCE_TO_ISOCENTRE_M], atol=1e-15
    )
    np.testing.assert_allclose(pixel(position, ISOCENTRE), CENTRE, atol=1e-9)
    assert se3.validated(carm_from_ct, position) is not None


@pytest.mark.parametrize(
    ('position', 'source_side'),
    [('AP', FRONT), ('PA', -FRONT), ('LAT_L', LEFT), ('LAT_R', -LEFT)],
)
def test_rays_enter_at_the_side_named_first(position, source_side):
    carm_from_ct = frames.carm_from_ct_at(position, ISOCENTRE, SOURCE_TO_ISOCENTRE_M)
    source = se3.inverse(carm_from_ct)[:3, 3]
    np.testing.assert_allclose(source, ISOCENTRE + SOURCE_TO_ISOCENTRE_M * source_side, atol=1e-12)


@pytest.mark.parametrize('position', ['AP', 'PA', 'LAT_L', 'LAT_R'])
def test_head_is_up(position):
    right, down = pixel(position, ISOCENTRE + 0.05 * HEAD) - CENTRE
    assert abs(right) < 1e-9
    assert down < -10


@pytest.mark.parametrize(
    ('position', 'direction'),
    [
        ('AP', LEFT),  # seen from the front, the patient's left is on the right
        ('PA', -LEFT),
        ('LAT_L', -FRONT),  # seen from the left, the back is on the right
        ('LAT_R', FRONT),
    ],
)
def test_what_is_on_the_right_of_the_image(position, direction):
    right, down = pixel(position, ISOCENTRE + 0.05 * direction) - CENTRE
    assert right > 10
    assert abs(down) < 1e-9


def test_unknown_position_is_refused():
    with pytest.raises(InputError, match=r"'LAO'.*AP"):
        frames.carm_from_ct_at('LAO', ISOCENTRE, 0.7)


@pytest.mark.parametrize('flip', frames.FLIPS)
def test_flipped_camera_projects_onto_the_mirrored_pixel(flip):
    """
    A mirrored detector shows the point at (u, v) of the true camera at the mirrored place.

    Undoing the flip on the image and asking the flipped camera must agree, for an off-centre
    principal point, where a wrong sign shows.
    """
    true_camera = PinholeCamera(7, 5, 100.0, 100.0, 1.0, 3.5)
    column, row = 5, 1
    mirrored = np.zeros((5, 7))
    mirrored[row, column] = 1
    image = frames.flip_image(mirrored, flip)
    ((row_true, column_true),) = np.argwhere(image)
    expected_row = 4 - row if flip in ('vertical', 'both') else row
    expected_column = 6 - column if flip in ('horizontal', 'both') else column
    assert (row_true, column_true) == (expected_row, expected_column)
    camera = true_camera.flipped(flip)
    offset_true = np.array([column_true - camera.cx, row_true - camera.cy])
    offset = np.array([column - true_camera.cx, row - true_camera.cy])
    signs = [-1 if flip in (axis, 'both') else 1 for axis in ('horizontal', 'vertical')]
    np.testing.assert_allclose(offset_true, signs * offset)


@pytest.mark.parametrize('flip', frames.FLIPS)
def test_flipping_twice_changes_nothing(flip):
    image = np.arange(35).reshape(5, 7)
    twice = frames.flip_image(frames.flip_image(image, flip), flip)
    np.testing.assert_array_equal(twice, image)
    camera = PinholeCamera(7, 5, 100.0, 100.0, 1.0, 3.5)
    assert camera.flipped(flip).flipped(flip) == camera


def test_flips_keep_colour_channels_apart():
    image = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    flipped = frames.flip_image(image, 'both')
    np.testing.assert_array_equal(flipped[0, 0], image[1, 2])
    assert flipped.flags.c_contiguous


def test_unknown_flip_is_refused():
    with pytest.raises(InputError, match="'left'"):
        frames.flip_image(np.zeros((2, 2)), 'left')
    with pytest.raises(InputError, match="'left'"):
        CAMERA.flipped('left')
