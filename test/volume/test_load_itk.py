"""NRRD and MetaImage in: as SimpleITK writes them, and as it must not be trusted to read them."""

import gzip
import zlib

import numpy as np
import pytest
import SimpleITK as sitk
from volume_files import DIRECTIONS, lps_affine_m, save_itk, voxels

from surgical_perception.errors import InputError
from xray_registration.volume.loader import load_ct

NRRD = {
    'type': 'short',
    'dimension': '3',
    'sizes': '6 5 4',
    'endian': 'little',
    'encoding': 'raw',
    'space': 'LPS',
    'space directions': '(1,0,0) (0,2,0) (0,0,3)',
    'space origin': '(10,20,30)',
}
META = {
    'ObjectType': 'Image',
    'NDims': '3',
    'BinaryData': 'True',
    'BinaryDataByteOrderMSB': 'False',
    'CompressedData': 'False',
    'TransformMatrix': '1 0 0 0 1 0 0 0 1',
    'Offset': '10 20 30',
    'ElementSpacing': '1 2 3',
    'DimSize': '6 5 4',
    'ElementType': 'MET_SHORT',
    'ElementDataFile': 'LOCAL',
}
GRID = np.array([[1, 0, 0, 10], [0, 2, 0, 20], [0, 0, 3, 30], [0, 0, 0, 1e3]]) * 1e-3


def write_nrrd(folder, data=None, name='ct.nrrd', **changes):
    fields = {**NRRD, **{key.replace('_', ' '): value for key, value in changes.items()}}
    lines = [f'{key}: {value}\n' for key, value in fields.items() if value is not None]
    data = voxels().tobytes() if data is None else data
    (folder / name).write_bytes(''.join(['NRRD0004\n', *lines, '\n']).encode() + data)
    return folder / name


def write_meta(folder, data=None, name='ct.mha', **changes):
    fields = {**META, **changes}
    fields['ElementDataFile'] = fields.pop('ElementDataFile')  # it ends the header
    lines = [f'{key} = {value}\n' for key, value in fields.items() if value is not None]
    data = voxels().tobytes() if data is None else data
    (folder / name).write_bytes(''.join(lines).encode() + data)
    return folder / name


@pytest.mark.parametrize('compress', [False, True])
@pytest.mark.parametrize('extension', ['nrrd', 'nhdr', 'mha', 'mhd'])
@pytest.mark.parametrize('direction', DIRECTIONS.values(), ids=DIRECTIONS)
def test_grid_and_values_come_out_as_they_were(tmp_path, extension, direction, compress):
    affine = lps_affine_m(direction)
    ct = load_ct(save_itk(tmp_path / f'ct.{extension}', voxels(), affine, compress))
    np.testing.assert_allclose(ct.ct_from_index, affine, atol=1e-12)
    np.testing.assert_array_equal(ct.hu, voxels())
    assert ct.hu.dtype == np.int16


@pytest.mark.parametrize(
    ('space', 'signs'),
    [
        ('LPS', [1, 1, 1]),
        ('left-posterior-superior', [1, 1, 1]),
        ('RAS', [-1, -1, 1]),
        ('right-anterior-superior', [-1, -1, 1]),
        ('left-anterior-superior', [1, -1, 1]),
    ],
)
def test_nrrd_spaces_become_lps(tmp_path, space, signs):
    ct = load_ct(write_nrrd(tmp_path, space=space))
    np.testing.assert_allclose(ct.ct_from_index, np.diag([*signs, 1]) @ GRID, atol=1e-12)


@pytest.mark.parametrize('write', [write_nrrd, write_meta])
def test_handwritten_header_is_read(tmp_path, write):
    ct = load_ct(write(tmp_path))
    np.testing.assert_allclose(ct.ct_from_index, GRID, atol=1e-12)
    np.testing.assert_array_equal(ct.hu, voxels())


def test_big_endian_voxels_are_read(tmp_path):
    data = voxels().astype('>i2').tobytes()
    for path in (
        write_nrrd(tmp_path, data, endian='big'),
        write_meta(tmp_path, data, BinaryDataByteOrderMSB='True'),
    ):
        np.testing.assert_array_equal(load_ct(path).hu, voxels())


@pytest.mark.parametrize(
    ('pixel', 'dtype'),
    [
        (sitk.sitkUInt8, np.int16),
        (sitk.sitkUInt16, np.int16),
        (sitk.sitkInt32, np.int16),
        (sitk.sitkFloat32, np.float32),
        (sitk.sitkFloat64, np.float32),
    ],
)
@pytest.mark.parametrize('name', ['ct.nrrd', 'ct.mha'])
def test_pixel_types(tmp_path, name, pixel, dtype):
    image = sitk.Cast(sitk.GetImageFromArray(np.abs(voxels()) // 8), pixel)
    sitk.WriteImage(image, str(tmp_path / name))
    ct = load_ct(tmp_path / name)
    assert ct.hu.dtype == dtype
    np.testing.assert_array_equal(ct.hu, sitk.GetArrayFromImage(image))


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'space': None, 'space_directions': None, 'space_origin': None}, 'left and right'),
        ({'space': 'scanner-xyz'}, 'scanner-xyz'),
        ({'space_units': '"m" "m" "m"'}, "space units are \\['m'\\]"),
        ({'encoding': 'ascii'}, "encoding 'ascii'"),
        ({'byte_skip': '-1'}, 'byte skip'),
        ({'space_directions': '(1,0,0) (0.5,2,0) (0,0,3)'}, 'sheared by 14'),
        ({'space_directions': '(1,0,0) (0,0,0) (0,0,3)'}, 'zero'),
        ({'space_directions': '(1,0,0) (0,nan,0) (0,0,3)'}, 'header'),
        ({'space_directions': '(1e-3,0,0) (0,2e-3,0) (0,0,3e-3)'}, 'check its unit'),
        ({'sizes': '60000 60000 60000'}, 'more than the limit'),
        ({'sizes': '6 5 5'}, 'announces 300 bytes of voxels but there are only 240'),
        ({'sizes': '6 5 3'}, 'announces 180 bytes of voxels but there are more'),
        ({'sizes': '6 5 -4'}, 'header|volume'),
        ({'dimension': '4', 'sizes': '6 5 2 2'}, 'header|axes'),
        ({'type': 'block'}, 'header|type'),
        ({'data_file': '../ct.raw'}, "data file '../ct.raw' is not one file beside it"),
        ({'data_file': 'LIST'}, "data file 'LIST'"),
        ({'data_file': 'ct%03d.raw 1 4 1'}, 'data file'),
    ],
)
def test_bad_nrrd_is_refused(tmp_path, changes, reason):
    with pytest.raises(InputError, match=rf'ct\.nrrd: .*({reason})'):
        load_ct(write_nrrd(tmp_path, **changes))


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'DistanceUnits': 'um'}, "DistanceUnits are 'um'"),
        ({'BinaryData': 'False'}, 'text data'),
        ({'HeaderSize': '-1'}, 'HeaderSize'),
        ({'NDims': None}, 'not a MetaImage'),
        ({'TransformMatrix': '1 0 0 0.5 1 0 0 0 1'}, 'sheared'),
        ({'ElementSpacing': '0 1 1'}, 'zero|voxels of 0'),
        ({'ElementSpacing': '1 nan 1'}, 'voxels of 1 x 0'),
        ({'DimSize': '6 5 5'}, 'only 240'),
        ({'DimSize': '6 5 3'}, 'more'),
        ({'DimSize': '6 20', 'NDims': '2', 'TransformMatrix': '1 0 0 1'}, '2 axes'),
        ({'ElementNumberOfChannels': '3'}, 'vector'),
        ({'ElementDataFile': '/etc/hostname'}, 'data file'),
        ({'ElementDataFile': 'none.raw'}, 'data file'),
    ],
)
def test_bad_metaimage_is_refused(tmp_path, changes, reason):
    with pytest.raises(InputError, match=rf'ct\.mha: .*({reason})'):
        load_ct(write_meta(tmp_path, **changes))


@pytest.mark.parametrize(
    ('unpacked', 'cut', 'reason'),
    [
        (voxels().tobytes(), -9, 'damaged|only'),
        (voxels().tobytes(), -2, 'damaged'),
        (voxels().tobytes()[:100], None, 'only 100'),
        (voxels().tobytes() + bytes(1 << 26), None, 'more'),
    ],
    ids=['truncated', 'without checksum', 'too few', 'bomb'],
)
def test_packed_voxels_are_counted(tmp_path, unpacked, cut, reason):
    """ITK would fill a packed MetaImage of too few voxels up with whatever lies in memory."""
    for path in (
        write_nrrd(tmp_path, gzip.compress(unpacked)[:cut], encoding='gzip'),
        write_meta(tmp_path, zlib.compress(unpacked)[:cut], CompressedData='True'),
    ):
        with pytest.raises(InputError, match=reason):
            load_ct(path)


def test_hash_covers_header_and_data(tmp_path):
    path = save_itk(tmp_path / 'ct.mhd', voxels(), lps_affine_m())
    before = load_ct(path).sha256
    raw = tmp_path / 'ct.raw'
    raw.write_bytes(raw.read_bytes()[::-1])
    assert load_ct(path).sha256 != before


def test_vector_nrrd_is_refused(tmp_path):
    image = sitk.GetImageFromArray(np.zeros((4, 5, 6, 3), np.int16), isVector=True)
    sitk.WriteImage(image, str(tmp_path / 'ct.nrrd'))
    with pytest.raises(InputError, match=r'vector|axes'):
        load_ct(tmp_path / 'ct.nrrd')
