"""DICOM X-rays: place and mirroring as the standard has them, pixels, and refusals."""

from itertools import product

import numpy as np
import pydicom
import pytest
from carm_scenes import pixels_of
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from xray_files import SDD_MM, SOD_MM, SPACING_MM, enhanced, picture, save, xray

from surgical_perception.errors import InputError
from surgical_perception.geometry import frames
from xray_registration.intake.dicom_xa import read_dicom_pixels, read_dicom_xray
from xray_registration.intake.positioner import camera_from_isocentre, rolled

LEFT, BACK, HEAD = np.eye(3)
DIRECTIONS = {'L': LEFT, 'R': -LEFT, 'P': BACK, 'A': -BACK, 'H': HEAD, 'F': -HEAD}


def read(tmp_path, frame=None, **attributes):
    return read_dicom_xray(save(tmp_path / 'x.dcm', xray(**attributes)), frame)


def test_camera_is_distance_and_detector_pixel(tmp_path):
    view = read(tmp_path)
    camera = view.camera
    assert (camera.width, camera.height) == (80, 60)
    assert camera.fx == pytest.approx(SDD_MM / SPACING_MM[1])
    assert camera.fy == pytest.approx(SDD_MM / SPACING_MM[0])
    assert (camera.cx, camera.cy) == (39.5, 29.5)  # the isocentre is in the middle
    np.testing.assert_allclose(view.source_in_reference_m, [0, SOD_MM * 1e-3, 0], atol=1e-12)
    np.testing.assert_array_equal(view.pixels, picture())


@pytest.mark.parametrize(
    ('primary_deg', 'position'),
    [(0, 'PA'), (180, 'AP'), (-180, 'AP'), (90, 'LAT_R'), (-90, 'LAT_L')],
)
def test_standard_positions(primary_deg, position):
    """At LAO 90 the detector is at the patient's left: the rays enter at his right."""
    expected = frames.carm_from_ct_at(position, np.zeros(3), 0.7)
    np.testing.assert_allclose(camera_from_isocentre(primary_deg, 0, 0.7), expected, atol=1e-12)


@given(primary=st.floats(-180, 180), secondary=st.floats(-90, 90))
def test_angles_are_longitude_and_latitude(primary, secondary):
    """The primary rotation is about the patient's long axis, the secondary one about its image."""
    pose = camera_from_isocentre(primary, secondary, 0.7)
    turn = Rotation.from_euler('ZX', [primary, -secondary], degrees=True)
    straight = frames.carm_from_ct_at('PA', np.zeros(3), 0.7)
    np.testing.assert_allclose(pose[:3, :3].T, turn.as_matrix() @ straight[:3, :3].T, atol=1e-9)
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)
    assert pose[2, 2] == pytest.approx(np.sin(np.deg2rad(secondary)))  # cranial is positive


@pytest.mark.parametrize(
    ('primary_deg', 'secondary_deg'), [(0, 0), (-35, 20), (100, -15), (175, 5)]
)
@pytest.mark.parametrize(
    ('flip', 'roll_deg'), list(product(['none', 'horizontal'], [0, 90, 180, 270]))
)
def test_points_move_as_patient_orientation_says(
    tmp_path, primary_deg, secondary_deg, flip, roll_deg
):
    """Whatever direction the codes name, a point that goes there moves along the stored rows."""
    camera = rolled(camera_from_isocentre(primary_deg, secondary_deg, 0.7), roll_deg)
    row = -camera[0, :3] if flip == 'horizontal' else camera[0, :3]
    codes = [max(DIRECTIONS, key=lambda c: DIRECTIONS[c] @ v) for v in (row, camera[1, :3])]
    view = read(
        tmp_path,
        PositionerPrimaryAngle=primary_deg,
        PositionerSecondaryAngle=secondary_deg,
        PatientOrientation=codes,
    )
    assert view.flip == flip
    steps = 0.01 * np.array([[0, 0, 0], DIRECTIONS[codes[0]], DIRECTIONS[codes[1]]])
    middle, along_row, along_column = pixels_of(view, steps)
    np.testing.assert_allclose(middle, [39.5, 29.5], atol=1e-9)
    (du, _), (_, dv) = along_row - middle, along_column - middle
    assert du > 0
    assert dv > 0
    assert abs(du) > abs((along_column - middle)[0])
    assert abs(dv) > abs((along_row - middle)[1])


def test_an_angiogram_as_it_is_displayed_is_mirrored(tmp_path):
    """The detector in front of the chest, the patient's left on the right: seen from his front."""
    assert read(tmp_path, PatientOrientation=['L', 'F']).flip == 'horizontal'
    assert read(tmp_path, PatientOrientation=['R', 'F']).flip == 'none'
    assert read(tmp_path, PositionerPrimaryAngle=180, PatientOrientation=['L', 'F']).flip == 'none'


def test_mirrored_rao_is_not_lao(tmp_path):
    """The same codes, the other oblique: the pose follows the angle, not the picture."""
    rao, lao = (
        read(tmp_path, PositionerPrimaryAngle=a, PatientOrientation=['L', 'F']) for a in (-30, 30)
    )
    assert rao.flip == lao.flip == 'horizontal'
    assert (
        rao.source_in_reference_m[0] > 0.1
    )  # the detector right in front, the source left behind
    assert lao.source_in_reference_m[0] < -0.1


@pytest.mark.parametrize(
    'attributes',
    [
        {'PatientOrientation': None},
        {'PatientOrientation': ['RT', 'LE']},
        {'PositionerPrimaryAngle': 90.0, 'PatientOrientation': ['L', 'F']},
        {'PositionerPrimaryAngle': None},
    ],
)
def test_unknown_mirroring_is_said_and_not_guessed(tmp_path, attributes):
    view = read(tmp_path, **attributes)
    assert view.flip is None
    assert 'unknown' in view.text


@pytest.mark.parametrize('modality', ['RF', 'DX'])
def test_other_c_arms_often_have_no_angles(tmp_path, modality):
    """The camera is known, where it stood and how it is mirrored is not."""
    view = read(tmp_path, Modality=modality, PositionerPrimaryAngle=None)
    assert view.camera.fx == pytest.approx(SDD_MM / SPACING_MM[1])
    assert view.camera_from_reference is None
    assert view.flip is None


def test_without_angles_or_distance_there_is_no_pose(tmp_path):
    assert read(tmp_path, PositionerSecondaryAngle=None).camera_from_reference is None
    assert read(tmp_path, DistanceSourceToPatient=None).camera_from_reference is None


def test_pixel_size_on_the_detector_comes_first(tmp_path):
    """PixelSpacing is often calibrated at the patient, where pixels look smaller."""
    view = read(tmp_path, PixelSpacing=[0.2, 0.2], PixelSpacingCalibrationType='GEOMETRY')
    assert view.camera.fx == pytest.approx(SDD_MM / SPACING_MM[1])
    alone = read(tmp_path, ImagerPixelSpacing=None, PixelSpacing=[0.2, 0.2])
    assert alone.camera.fx == pytest.approx(SDD_MM / 0.2)
    assert 'PixelSpacing' in alone.text
    with pytest.raises(InputError, match='depth of the patient'):
        read(
            tmp_path,
            ImagerPixelSpacing=None,
            PixelSpacing=[0.2, 0.2],
            PixelSpacingCalibrationType='FIDUCIAL',
        )


def test_active_origin_moves_no_axis(tmp_path):
    """It says which part of the detector was read; the isocentre stays in the middle of it."""
    view = read(tmp_path, DetectorActiveOrigin=[12, 40])
    assert (view.camera.cx, view.camera.cy) == (39.5, 29.5)


@pytest.mark.parametrize('turn', [0, 90, 180, 270])
@pytest.mark.parametrize('flip', ['NO', 'YES'])
def test_isocentre_projection_follows_the_field_of_view(tmp_path, turn, flip):
    """Mark the isocentre's detector element, cut, turn and flip the picture, and look for it."""
    detector = np.zeros((90, 120), np.uint16)
    isocentre, origin = (33, 70), (11, 22)
    detector[isocentre] = 1
    stored = np.rot90(detector[11:71, 22:102], -turn // 90)  # clockwise
    stored = np.ascontiguousarray(stored[:, ::-1] if flip == 'YES' else stored)
    view = read(
        tmp_path,
        pixels=stored,
        ImagerPixelSpacing=[0.3, 0.3],
        DetectorElementSpacing=[0.3, 0.3],
        PositionOfIsocenterProjection=list(map(float, isocentre)),
        FieldOfViewOrigin=list(map(float, origin)),
        FieldOfViewRotation=turn,
        FieldOfViewHorizontalFlip=flip,
    )
    row, column = np.argwhere(stored == 1)[0]
    assert (view.camera.cx, view.camera.cy) == pytest.approx((column, row))


def test_binned_elements_keep_the_isocentre(tmp_path):
    view = read(
        tmp_path,
        ImagerPixelSpacing=[0.3, 0.3],
        DetectorElementSpacing=[0.15, 0.15],
        PositionOfIsocenterProjection=[60.5, 80.5],  # between elements 60 and 61: a pixel's middle
    )
    assert (view.camera.cx, view.camera.cy) == pytest.approx((40.0, 30.0))


def test_frames_of_a_run_have_their_own_angles(tmp_path):
    run = np.stack([picture(), picture() + 7])
    data = xray(run, PositionerPrimaryAngle=10.0, PositionerMotion='DYNAMIC')
    data.PositionerPrimaryAngleIncrement = [0.0, 5.0]
    data.PositionerSecondaryAngleIncrement = [0.0, -2.0]
    path = save(tmp_path / 'run.dcm', data)
    for number, (primary, secondary) in enumerate([(10, 0), (15, -2)]):
        view = read_dicom_xray(path, number)
        expected = camera_from_isocentre(primary, secondary, SOD_MM * 1e-3)
        np.testing.assert_allclose(view.camera_from_reference, expected, atol=1e-12)
        np.testing.assert_array_equal(view.pixels, run[number])
        np.testing.assert_array_equal(read_dicom_pixels(path, number)[0], run[number])


def test_enhanced_files_keep_it_in_functional_groups(tmp_path):
    angles = [(0, 0), (25, -10), (50, 5)]
    path = save(tmp_path / 'enhanced.dcm', enhanced(angles))
    for number, (primary, secondary) in enumerate(angles):
        view = read_dicom_xray(path, number)
        expected = camera_from_isocentre(primary, secondary, SOD_MM * 1e-3)
        np.testing.assert_allclose(view.camera_from_reference, expected, atol=1e-12)
        assert view.camera.fx == pytest.approx(SDD_MM / SPACING_MM[1])
        assert view.flip == 'horizontal'
        np.testing.assert_array_equal(view.pixels, picture() + number)


@pytest.mark.parametrize(
    ('relationship', 'sign', 'expected'),
    [
        ('LIN', None, 'raw'),
        ('LOG', None, 'inverted'),
        ('LOG', -1, 'log'),
        ('DISP', None, None),
        ('LIN', -1, None),
        (None, None, None),
    ],
)
def test_intensity_is_what_the_file_says(tmp_path, relationship, sign, expected):
    attributes = {
        'PixelIntensityRelationship': relationship,
        'PixelIntensityRelationshipSign': sign,
    }
    data = xray()
    del data.PixelIntensityRelationship
    for keyword, value in attributes.items():
        if value is not None:
            setattr(data, keyword, value)
    assert read_dicom_pixels(save(tmp_path / 'x.dcm', data))[1] == expected


def test_packed_pixels_are_unpacked(tmp_path):
    data = xray()
    data.compress(pydicom.uid.RLELossless)
    np.testing.assert_array_equal(read_dicom_pixels(save(tmp_path / 'x.dcm', data))[0], picture())


def test_jpeg_is_unpacked(tmp_path):
    """The JPEG 2000 file that pydicom ships, declared an X-ray."""
    source = pydicom.dcmread(pydicom.data.get_testdata_file('JPEG2000.dcm'))
    source.Modality = 'XA'
    pixels, *_ = read_dicom_pixels(save(tmp_path / 'x.dcm', source))
    assert pixels.shape == (source.Rows, source.Columns)
    assert pixels.std() > 0


BAD = {
    'no distance': ({'DistanceSourceToDetector': None}, 'DistanceSourceToDetector is missing'),
    'distance in m': ({'DistanceSourceToDetector': 1.1}, 'DistanceSourceToDetector is 1.1 mm'),
    'patient in m': ({'DistanceSourceToPatient': 0.7}, 'DistanceSourceToPatient is 0.7 mm'),
    'no pixel size': ({'ImagerPixelSpacing': None}, 'ImagerPixelSpacing'),
    'pixel size of 0': ({'ImagerPixelSpacing': [0.0, 0.3]}, 'ImagerPixelSpacing is 0 mm'),
    'one pixel size': ({'ImagerPixelSpacing': 0.3}, 'expected 2 numbers'),
    'tilted detector': ({'DetectorPrimaryAngle': 5.0}, 'DetectorPrimaryAngle is 5'),
    'modality': ({'Modality': 'MR'}, 'modality is MR'),
    'colour': ({'SamplesPerPixel': 3}, 'no grey picture'),
    'few increments': (
        {
            'pixels': np.stack([picture()] * 3),
            'PositionerMotion': 'DYNAMIC',
            'PositionerPrimaryAngleIncrement': [0.0, 1.0],
            'frame': 1,
        },
        'PositionerPrimaryAngleIncrement',
    ),
    'which frame': ({'pixels': np.stack([picture()] * 3)}, 'holds 3 X-rays: say which one'),
    'no such frame': ({'pixels': np.stack([picture()] * 3), 'frame': 3}, 'has no X-ray 3'),
}


@pytest.mark.parametrize('case', BAD)
def test_what_cannot_be_used_is_refused_by_name(tmp_path, case):
    attributes, named = BAD[case]
    with pytest.raises(InputError, match=f'x.dcm.*{named}'):
        read(tmp_path, **attributes)


def test_damaged_files_are_refused(tmp_path):
    path = save(tmp_path / 'x.dcm', xray())
    whole = path.read_bytes()
    for size in (0, 100, 400, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r'x\.dcm'):
            read_dicom_xray(path)
    path.write_bytes(b'DICM' * 200)
    with pytest.raises(InputError, match=r'x\.dcm'):
        read_dicom_xray(path)
    with pytest.raises(InputError, match='no such file'):
        read_dicom_xray(tmp_path / 'none.dcm')
