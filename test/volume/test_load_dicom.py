"""DICOM series in: whole, even and upright, or refused with the file that is the reason."""

import io
import re
import shutil

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
    generate_uid,
)
from volume_files import DIRECTIONS, dicom_slices, lps_affine_m, save_dicom, voxels

from surgical_perception.errors import InputError
from xray_registration.volume.loader import load_ct

# DICOM's slices are right-handed whatever the file names say.
RIGHT_HANDED = {name: d for name, d in DIRECTIONS.items() if name != 'left-handed'}


@pytest.fixture
def slices():
    """The data sets of a good oblique series."""
    return dicom_slices(voxels(), lps_affine_m())


@pytest.fixture
def folder(tmp_path):
    """Where the series goes."""
    return tmp_path / 'series'


@pytest.mark.parametrize('order', [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
@pytest.mark.parametrize('direction', RIGHT_HANDED.values(), ids=RIGHT_HANDED)
def test_slices_are_ordered_along_their_normal(folder, direction, order):
    affine = lps_affine_m(direction)
    ct = load_ct(save_dicom(folder, dicom_slices(voxels(), affine), order))
    np.testing.assert_allclose(ct.ct_from_index, affine, atol=1e-9)
    np.testing.assert_array_equal(ct.hu, voxels())
    assert ct.hu.dtype == np.int16
    assert ct.is_hu


def test_left_handed_stack_comes_out_right_handed(folder):
    """The same voxels at the same places, with z counted the other way."""
    affine = lps_affine_m(DIRECTIONS['left-handed'])
    ct = load_ct(save_dicom(folder, dicom_slices(voxels(), affine)))
    assert np.linalg.det(ct.ct_from_index) > 0
    np.testing.assert_array_equal(ct.hu, voxels()[::-1])
    first = ct.ct_from_index @ [0, 0, 0, 1]
    np.testing.assert_allclose(first, affine @ [0, 0, 3, 1], atol=1e-9)


def test_series_reader_of_itk_agrees(folder, slices):
    """An independent reader places and scales the same series the same way."""
    ct = load_ct(save_dicom(folder, slices))
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    theirs = sitk.ReadImage(names)
    np.testing.assert_array_equal(ct.hu, sitk.GetArrayFromImage(theirs))
    for index in ([0, 0, 0], [5, 4, 3]):
        np.testing.assert_allclose(
            ct.ct_from_index @ [*index, 1],
            [*np.array(theirs.TransformIndexToPhysicalPoint(index)) * 1e-3, 1],
            atol=1e-9,
        )


def test_fractional_slope_gives_float32(folder):
    ct = load_ct(save_dicom(folder, dicom_slices(voxels(), lps_affine_m(), slope=0.5)))
    np.testing.assert_array_equal(ct.hu, voxels())
    slices = dicom_slices(voxels(), lps_affine_m(), slope=0.25, intercept=-1000.625)
    ct = load_ct(save_dicom(folder, slices))
    assert ct.hu.dtype == np.float32
    np.testing.assert_allclose(ct.hu, voxels(), atol=0.125)


def test_hash_does_not_depend_on_file_names(tmp_path, slices):
    first = load_ct(save_dicom(tmp_path / 'a', slices))
    second = load_ct(save_dicom(tmp_path / 'b', slices, [3, 1, 0, 2]))
    assert first.sha256 == second.sha256


def test_run_length_encoding_is_unpacked(folder, slices):
    for data in slices:
        data.compress(RLELossless)
    np.testing.assert_array_equal(load_ct(save_dicom(folder, slices)).hu, voxels())


def test_jpeg_2000_is_unpacked(folder):
    values = voxels(shape=(3, 32, 48))
    slices = dicom_slices(values, lps_affine_m())
    for data, plane in zip(slices, values, strict=True):
        packed = io.BytesIO()
        stored = (plane + 1024).astype(np.uint16)
        Image.fromarray(stored).save(packed, 'JPEG2000', irreversible=False, no_jp2=True)
        data.file_meta.TransferSyntaxUID = JPEG2000Lossless
        data.PixelRepresentation = 0
        data.PixelData = encapsulate([packed.getvalue()])
    np.testing.assert_array_equal(load_ct(save_dicom(folder, slices)).hu, values)


def test_damaged_jpeg_is_refused(folder, slices):
    for data in slices:
        data.file_meta.TransferSyntaxUID = JPEG2000Lossless
        data.PixelData = encapsulate([b'no codestream'])
    with pytest.raises(InputError, match=r'slice_000\.dcm: the pixels cannot be read'):
        load_ct(save_dicom(folder, slices))


def test_other_files_in_the_folder_do_no_harm(folder, slices):
    save_dicom(folder, slices)
    (folder / 'README.txt').write_text('scanned on a Friday')
    (folder / '.DS_Store').write_bytes(b'')
    (folder / 'DICOMDIR').write_bytes(b'x')
    (folder / 'reports').mkdir()
    np.testing.assert_array_equal(load_ct(folder).hu, voxels())


def localizer(slices):
    slices[2].ImageType = ['ORIGINAL', 'PRIMARY', 'LOCALIZER']


def mixed(slices):
    for data in slices[2:]:
        data.SeriesInstanceUID = '1.2.3'
        data.SeriesDescription = 'lung'


def magnetic(slices):
    slices[1].Modality = 'MR'


def doubled(slices):
    slices[2].ImagePositionPatient = slices[1].ImagePositionPatient


def uneven(slices):
    """1.5 % of the gap of 2.5 mm, along the normal."""
    step = np.subtract(slices[3].ImagePositionPatient, slices[2].ImagePositionPatient)
    moved = np.array(slices[3].ImagePositionPatient, float) + 0.015 * step
    slices[3].ImagePositionPatient = [f'{p:.10g}' for p in moved]


def turned(slices):
    slices[2].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]


def resized(slices):
    slices[2].PixelSpacing = [0.9, 0.71]


def cropped(slices):
    slices[2].Rows = 4
    slices[2].PixelData = slices[2].PixelData[:-12]


def moved_frame(slices):
    slices[2].FrameOfReferenceUID = generate_uid()


def unplaced(slices):
    del slices[2].ImagePositionPatient


def unscaled(slices):
    slices[2].PixelSpacing = None


def not_a_number(slices):
    with pytest.warns(UserWarning, match='Invalid value'):  # pydicom's, about our writing it
        slices[2].ImagePositionPatient = ['0', '0', 'nan']


def squeezed(slices):
    slices[2].ImageOrientationPatient = [0.5, 0, 0, 0, 0.5, 0]


def flat_scale(slices):
    slices[2].RescaleSlope = 0


def coloured(slices):
    slices[2].PhotometricInterpretation = 'RGB'


def inverted(slices):
    slices[2].PhotometricInterpretation = 'MONOCHROME1'


def stacked(slices):
    slices[2].NumberOfFrames = 12


def cut(slices):
    slices[2].PixelData = slices[2].PixelData[:-8]


def deflated(slices):
    slices[2].file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian


@pytest.mark.parametrize(
    ('spoil', 'reason'),
    [
        (localizer, r'slice_002\.dcm: is a localizer'),
        (mixed, r'2 series.*thorax: 2 files from slice_000\.dcm; lung: 2 .*slice_002\.dcm'),
        (magnetic, r'slice_001\.dcm: its modality is MR'),
        (doubled, r'slice_001\.dcm and slice_002\.dcm lie at the same place'),
        (uneven, r'slice_002\.dcm and slice_003\.dcm is 2\.538 mm .*2\.5 mm .*uneven'),
        (turned, r'slice_002\.dcm: its orientation differs'),
        (resized, r'slice_002\.dcm: its pixel spacing differs'),
        (cropped, r'slice_002\.dcm: its number of rows and columns differs'),
        (moved_frame, r'slice_002\.dcm: its frame of reference differs'),
        (unplaced, r'slice_002\.dcm: ImagePositionPatient is missing'),
        (unscaled, r'slice_002\.dcm: PixelSpacing is missing'),
        (not_a_number, r'slice_002\.dcm'),
        (squeezed, r'slice_002\.dcm: ImageOrientationPatient is not made of unit vectors'),
        (flat_scale, r'slice_002\.dcm: RescaleSlope is 0'),
        (coloured, r'slice_002\.dcm: its pixels are RGB'),
        (inverted, r'slice_002\.dcm: its pixels are MONOCHROME1'),
        (stacked, r'slice_002\.dcm: is a multi-frame'),
        (cut, r'slice_002\.dcm: the pixels cannot be read'),
        (deflated, r'slice_002\.dcm: deflated'),
    ],
)
def test_bad_series_are_refused_by_file(folder, slices, spoil, reason):
    spoil(slices)
    with pytest.raises(InputError, match=reason):
        load_ct(save_dicom(folder, slices))


def test_gaps_within_one_percent_are_rounding(folder, slices):
    step = np.subtract(slices[3].ImagePositionPatient, slices[2].ImagePositionPatient)
    moved = np.array(slices[3].ImagePositionPatient, float) + 0.008 * step
    slices[3].ImagePositionPatient = [f'{p:.10g}' for p in moved]
    assert load_ct(save_dicom(folder, slices)).size == (6, 5, 4)


def test_missing_slice_is_named_by_its_neighbours(folder):
    slices = dicom_slices(voxels(shape=(6, 5, 6)), lps_affine_m())
    save_dicom(folder, slices)
    (folder / 'slice_003.dcm').unlink()
    expected = r'slice_002\.dcm and slice_004\.dcm is 5 mm where 2\.5 mm.*1 slice\(s\) missing'
    with pytest.raises(InputError, match=expected):
        load_ct(folder)


def test_tilted_gantry_is_refused(folder):
    """Each slice is upright, but they drift sideways: a sheared grid."""
    affine = lps_affine_m(np.eye(3))
    affine[1, 2] = 2.5e-3 * np.tan(np.radians(12))
    slices = dicom_slices(voxels(), affine)
    with pytest.raises(InputError, match=r'series: .* sheared by 12\.00 degrees'):
        load_ct(save_dicom(folder, slices))


def test_single_slice_file_asks_for_its_folder(folder, slices):
    save_dicom(folder, slices)
    with pytest.raises(InputError, match='give the folder of the series'):
        load_ct(folder / 'slice_000.dcm')


@pytest.mark.parametrize('content', [b'', b'not DICOM'])
def test_broken_copy_of_a_slice_is_refused(folder, slices, content):
    save_dicom(folder, slices)
    (folder / 'slice_003.dcm').write_bytes(content)
    with pytest.raises(InputError, match=r'slice_003\.dcm: is empty or not DICOM'):
        load_ct(folder)


def test_folder_without_dicom_is_refused(folder):
    folder.mkdir()
    with pytest.raises(InputError, match=re.escape(f'{folder}: holds no DICOM file')):
        load_ct(folder)


def test_one_slice_is_no_volume(folder, slices):
    with pytest.raises(InputError, match='6 x 5 x 1 voxels are no volume'):
        load_ct(save_dicom(folder, slices[:1]))


def test_limits_hold_before_pixels_are_read(folder, slices):
    save_dicom(folder, slices)
    with pytest.raises(InputError, match='6 x 5 x 4 voxels are more than the limit of 100'):
        load_ct(folder, max_voxels=100)
    with pytest.raises(InputError, match='bytes are more than the limit of 1000'):
        load_ct(folder, max_bytes=1000)


def test_every_truncation_of_a_slice_is_refused(folder, slices):
    """Wherever the copy broke off, it is an InputError and nothing else."""
    save_dicom(folder, slices)
    whole = (folder / 'slice_003.dcm').read_bytes()
    for length in range(0, len(whole), 7):
        (folder / 'slice_003.dcm').write_bytes(whole[:length])
        with pytest.raises(InputError, match='series'):
            load_ct(folder)
    shutil.rmtree(folder)
