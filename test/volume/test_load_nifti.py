"""NIfTI in: RAS millimetres to LPS metres, and every header that cannot be trusted."""

import gzip

import nibabel as nib
import numpy as np
import pytest
from volume_files import DIRECTIONS, SHAPE, lps_affine_m, save_nifti, voxels

from surgical_perception.errors import InputError
from xray_registration.volume.loader import load_ct


@pytest.fixture
def path(tmp_path):
    """A good oblique CT."""
    return save_nifti(tmp_path / 'ct.nii', voxels(), lps_affine_m())


def edited(path, offset, values, dtype):
    """Overwrite header fields in place."""
    content = bytearray(path.read_bytes())
    raw = np.asarray(values, dtype).tobytes()
    content[offset : offset + len(raw)] = raw
    path.write_bytes(content)
    return path


@pytest.mark.parametrize('name', ['ct.nii', 'ct.nii.gz', 'CT.NII.GZ'])
@pytest.mark.parametrize('direction', DIRECTIONS.values(), ids=DIRECTIONS)
def test_grid_and_values_come_out_as_they_were(tmp_path, name, direction):
    affine = lps_affine_m(direction)
    ct = load_ct(save_nifti(tmp_path / name, voxels(), affine))
    np.testing.assert_allclose(ct.ct_from_index, affine, atol=1e-7)
    np.testing.assert_array_equal(ct.hu, voxels())
    assert ct.hu.dtype == np.int16
    assert ct.hu.flags.c_contiguous
    assert ct.is_hu


@pytest.mark.parametrize(('unit_m', 'code'), [(1, 'meter'), (1e-3, 'unknown'), (1e-6, 'micron')])
def test_units_of_the_header_are_honoured(tmp_path, unit_m, code):
    ct = load_ct(save_nifti(tmp_path / 'ct.nii', voxels(), lps_affine_m(), unit_m, code))
    np.testing.assert_allclose(ct.ct_from_index, lps_affine_m(), atol=1e-7)


def test_metres_that_are_declared_as_millimetres_are_refused(tmp_path):
    save_nifti(tmp_path / 'ct.nii', voxels(), lps_affine_m(), unit_m=1, code='mm')
    with pytest.raises(InputError, match='check its unit'):
        load_ct(tmp_path / 'ct.nii')


@pytest.mark.parametrize(('sform', 'qform'), [(1, 0), (0, 1), (1, 1), (4, 2)])
def test_either_form_places_the_ct(tmp_path, sform, qform):
    affine = lps_affine_m()
    ct = load_ct(save_nifti(tmp_path / 'ct.nii', voxels(), affine, sform=sform, qform=qform))
    np.testing.assert_allclose(ct.ct_from_index, affine, atol=1e-7)


def test_a_file_without_orientation_is_refused(tmp_path):
    save_nifti(tmp_path / 'ct.nii', voxels(), lps_affine_m(), sform=0, qform=0)
    with pytest.raises(InputError, match='left and right are unknown'):
        load_ct(tmp_path / 'ct.nii')


def test_forms_that_disagree_are_refused(path):
    image = nib.load(path)
    moved = image.affine.copy()
    moved[0, 3] += 1.0
    image.set_sform(moved, 4)
    nib.save(image, path)
    with pytest.raises(InputError, match=r'sform \(code 4\) and qform \(code 1\) disagree'):
        load_ct(path)


def test_a_sheared_grid_is_refused(tmp_path):
    affine = lps_affine_m()
    affine[:3, 2] += np.tan(np.radians(10)) * affine[:3, 1] / 0.9 * 2.5
    save_nifti(tmp_path / 'ct.nii', voxels(), affine, qform=0)
    with pytest.raises(InputError, match=r'sheared by (9\.|10\.)'):
        load_ct(tmp_path / 'ct.nii')


@pytest.mark.parametrize('stored', [np.uint8, np.int8, np.uint16, np.int32, np.int64])
def test_whole_numbers_become_int16(tmp_path, stored):
    values = np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(stored)
    image = nib.Nifti1Image(values.transpose(2, 1, 0), np.eye(4), dtype=stored)
    nib.save(image, tmp_path / 'ct.nii')
    ct = load_ct(tmp_path / 'ct.nii')
    assert ct.hu.dtype == np.int16
    np.testing.assert_array_equal(ct.hu, values)


def test_numbers_beyond_int16_become_float32(tmp_path):
    values = voxels().astype(np.int32) * 100
    nib.save(nib.Nifti1Image(values.transpose(2, 1, 0), np.eye(4)), tmp_path / 'ct.nii')
    ct = load_ct(tmp_path / 'ct.nii')
    assert ct.hu.dtype == np.float32
    np.testing.assert_array_equal(ct.hu, values)


@pytest.mark.parametrize(('slope', 'intercept'), [(1, -1024), (2, -100), (0.5, 3.25)])
def test_slope_and_intercept_are_applied(tmp_path, slope, intercept):
    image = nib.Nifti1Image(voxels().transpose(2, 1, 0), np.eye(4))
    nib.save(image, tmp_path / 'ct.nii')
    edited(tmp_path / 'ct.nii', 112, [slope, intercept], '<f4')
    ct = load_ct(tmp_path / 'ct.nii')
    np.testing.assert_array_equal(ct.hu, voxels() * slope + intercept)
    assert ct.hu.dtype == (np.float32 if slope == 0.5 else np.int16)


def test_big_endian_files_are_read(tmp_path):
    header = nib.Nifti1Header(endianness='>')
    image = nib.Nifti1Image(voxels().transpose(2, 1, 0).astype('>i2'), np.eye(4), header)
    nib.save(image, tmp_path / 'ct.nii')
    assert (tmp_path / 'ct.nii').read_bytes()[:2] == b'\0\0'
    ct = load_ct(tmp_path / 'ct.nii')
    np.testing.assert_array_equal(ct.hu, voxels())
    assert ct.hu.dtype.isnative


def test_nifti_2_is_read(tmp_path):
    nib.save(nib.Nifti2Image(voxels().transpose(2, 1, 0), np.eye(4)), tmp_path / 'ct.nii')
    np.testing.assert_array_equal(load_ct(tmp_path / 'ct.nii').hu, voxels())


def test_trailing_axes_of_length_one_are_dropped(tmp_path):
    values = voxels().transpose(2, 1, 0)[..., None]
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / 'ct.nii')
    np.testing.assert_array_equal(load_ct(tmp_path / 'ct.nii').hu, voxels())


@pytest.mark.parametrize(
    ('values', 'reason'),
    [
        (np.zeros((4, 5, 6, 2), np.int16), '4 axes'),
        (np.zeros((4, 5, 1), np.int16), 'no volume'),
        (np.zeros((4, 5), np.int16), '2 axes'),
        (np.zeros((4, 5, 6), np.complex64), 'complex64'),
        (np.zeros((4, 5, 6), [('R', 'u1'), ('G', 'u1'), ('B', 'u1')]), 'type'),
        (np.full((4, 5, 6), np.nan, np.float32), 'NaN'),
        (np.full((4, 5, 6), 1e300), 'infinity'),
    ],
    ids=['4D', 'one slice', '2D', 'complex', 'RGB', 'NaN', 'too large'],
)
def test_what_is_no_ct_is_refused_by_name(tmp_path, values, reason):
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / 'ct.nii')
    with pytest.raises(InputError, match=rf'ct\.nii: .*{reason}'):
        load_ct(tmp_path / 'ct.nii')


@pytest.mark.parametrize(
    ('offset', 'values', 'dtype', 'reason'),
    [
        (40, [3, -6, 5, 4], '<i2', 'no volume'),
        (40, [9, 6, 5, 4], '<i2', '9 axes'),
        (70, [4096], '<i2', 'voxel type 4096'),
        (108, [np.nan], '<f4', 'cannot start at byte nan'),
        (108, [1e9], '<f4', 'cannot start'),
        (108, [400], '<f4', 'announces'),
        (123, [0x07], 'u1', 'unit code 7'),
        (280, [np.nan], '<f4', 'disagree'),
        (280, [0] * 12, '<f4', 'disagree'),
        (344, list(b'ni1\0'), 'u1', 'pair'),
        (0, [777], '<i4', 'not a NIfTI file'),
        (112, [1, np.inf], '<f4', 'intercept'),
    ],
)
def test_damaged_headers_are_refused(path, offset, values, dtype, reason):
    with pytest.raises(InputError, match=reason):
        load_ct(edited(path, offset, values, dtype))


@pytest.mark.parametrize(
    ('value', 'reason'),
    [(0, 'voxels of 0 x 0 x 0 mm'), (np.nan, 'not finite'), (np.inf, 'not finite')],
)
def test_impossible_affine_is_refused(tmp_path, value, reason):
    save_nifti(tmp_path / 'ct.nii', voxels(), lps_affine_m(), qform=0)
    edited(tmp_path / 'ct.nii', 280, [value] * 12, '<f4')
    with pytest.raises(InputError, match=reason):
        load_ct(tmp_path / 'ct.nii')


def test_header_that_announces_more_than_a_gzip_can_hold(tmp_path):
    """Caught before memory is taken: 400^3 voxels are within the limits but not in 300 bytes."""
    save_nifti(tmp_path / 'ct.nii', voxels(), lps_affine_m())
    edited(tmp_path / 'ct.nii', 42, [400, 400, 400], '<i2')
    packed = tmp_path / 'ct.nii.gz'
    packed.write_bytes(gzip.compress((tmp_path / 'ct.nii').read_bytes()))
    with pytest.raises(InputError, match=r'announces 128000000 bytes .* at most'):
        load_ct(packed)


def test_gzip_bomb_is_left_packed(tmp_path):
    """1 GiB of zeros behind a header of 240 bytes of voxels: refused at the first chunk."""
    content = save_nifti(tmp_path / 'ct.nii', voxels(), lps_affine_m()).read_bytes()
    block = gzip.compress(bytes(1 << 24))
    (tmp_path / 'bomb.nii.gz').write_bytes(gzip.compress(content) + block * 64)
    with pytest.raises(InputError, match='announces 240 bytes of voxels but there are more'):
        load_ct(tmp_path / 'bomb.nii.gz')


def test_wrong_checksum_is_refused(tmp_path):
    path = save_nifti(tmp_path / 'ct.nii.gz', voxels(), lps_affine_m())
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match='CRC check failed'):
        load_ct(path)
