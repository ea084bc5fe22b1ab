"""What holds for every format: dispatch, limits, damage, labels, and whether values are HU."""

import io
import os
import pickle

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from volume_files import OBLIQUE, SHAPE, lps_affine_m, save_itk, save_nifti, voxels

from surgical_perception.errors import InputError
from xray_registration.volume.loader import load_ct

NAMES = ['ct.nii', 'ct.nii.gz', 'ct.nrrd', 'ct.mha']
OTHER_NAMES = ['ct.npy', 'ct.npz', 'ct.pt', 'ct.pkl', 'ct.hdr', 'ct.img', 'ct.tif', 'ct', 'ct.gz']


def save(path, values=None, affine=None):
    write = save_nifti if '.nii' in path.name else save_itk
    return write(path, voxels() if values is None else values, lps_affine_m())


@pytest.mark.parametrize('name', NAMES)
def test_empty_file_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b'')
    with pytest.raises(InputError, match=rf'{name}: .*(empty|MetaImage|header)'):
        load_ct(tmp_path / name)


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('other', NAMES)
def test_content_must_be_what_the_name_says(tmp_path, name, other):
    save(tmp_path / name).rename(tmp_path / 'content')
    (tmp_path / 'content').rename(tmp_path / other)
    if name == other:
        assert load_ct(tmp_path / other).size == SHAPE[::-1]
    else:
        with pytest.raises(InputError, match=other):
            load_ct(tmp_path / other)


@pytest.mark.parametrize('name', NAMES + OTHER_NAMES)
def test_pickles_are_never_loaded(tmp_path, name):
    """A pickle that is loaded would leave a file behind."""
    trace = tmp_path / 'executed'

    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(trace),)

    content = io.BytesIO()
    torch.save(Payload(), content)
    for damage in (pickle.dumps(Payload()), content.getvalue()):
        (tmp_path / name).write_bytes(damage)
        with pytest.raises(InputError, match=name):
            load_ct(tmp_path / name)
    assert not trace.exists()


@pytest.mark.parametrize('name', OTHER_NAMES)
def test_unknown_formats_are_told_the_known_ones(tmp_path, name):
    (tmp_path / name).write_bytes(save(tmp_path / 'ct.nii').read_bytes())
    with pytest.raises(InputError, match=r'expected \.nii, \.nii\.gz, \.nrrd'):
        load_ct(tmp_path / name)


def test_missing_and_special_files_are_refused(tmp_path):
    os.mkfifo(tmp_path / 'ct.nii')
    for path in (tmp_path / 'ct.nii', tmp_path / 'none.nii', '/dev/null'):
        with pytest.raises(InputError, match='no such file'):
            load_ct(path)


@pytest.mark.parametrize('name', NAMES)
def test_limits(tmp_path, name):
    path = save(tmp_path / name)
    assert load_ct(path, max_voxels=120, max_bytes=path.stat().st_size).size == SHAPE[::-1]
    with pytest.raises(InputError, match='6 x 5 x 4 voxels are more than the limit of 119'):
        load_ct(path, max_voxels=119)
    with pytest.raises(InputError, match='bytes are more than the limit of 99'):
        load_ct(path, max_bytes=99)


@pytest.mark.parametrize('name', NAMES)
def test_every_truncation_is_refused(tmp_path, name):
    whole = save(tmp_path / name).read_bytes()
    for length in range(0, len(whole), 3):
        (tmp_path / name).write_bytes(whole[:length])
        with pytest.raises(InputError, match=name):
            load_ct(tmp_path / name)


@pytest.mark.parametrize('name', NAMES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_never_raise_anything_else(tmp_path, name, data):
    """Either the damage does not matter, or it is refused in one sentence."""
    content = bytearray(save(tmp_path / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, min(len(content), 420) - 1))] = data.draw(
            st.integers(0, 255)
        )
    (tmp_path / name).write_bytes(content)
    try:
        ct = load_ct(tmp_path / name, max_voxels=10**6)
    except InputError as error:
        assert '\n' not in str(error)
    else:
        assert np.isfinite(ct.hu).all()
        assert np.isfinite(ct.ct_from_index).all()


def test_hash_is_that_of_the_bytes(tmp_path):
    import hashlib

    path = save(tmp_path / 'ct.nii.gz')
    assert load_ct(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ('values', 'expected'),
    [
        (voxels(), True),
        (np.abs(voxels()), False),  # no air below 0
        (voxels().astype(np.float32) / 1000, False),  # normalised
        ((voxels() // 10).astype(np.int8), False),  # an 8-bit picture
        (voxels() // 2 + 450, True),  # soft tissue alone still reaches fat
    ],
    ids=['HU', 'from 0 on', 'normalised', '8 bits', 'cropped'],
)
def test_values_that_cannot_be_hu_are_recognised(tmp_path, values, expected):
    path = save_itk(tmp_path / 'ct.nrrd', values, lps_affine_m())
    assert load_ct(path).is_hu is expected
    assert load_ct(path, hu=True).is_hu is True
    assert load_ct(path, hu=False).is_hu is False


LABELS = (np.arange(np.prod(SHAPE)) % 118).astype(np.uint8).reshape(SHAPE)


@pytest.mark.parametrize('name', ['labels.nii.gz', 'labels.nrrd', 'labels.mha'])
def test_labels_on_the_same_grid(tmp_path, name):
    ct_path = save_nifti(tmp_path / 'ct.nii', voxels(), lps_affine_m())
    ct = load_ct(ct_path, save(tmp_path / name, LABELS))
    np.testing.assert_array_equal(ct.labels, LABELS)
    assert ct.labels.dtype == np.uint8


def test_large_labels_keep_their_values(tmp_path):
    labels = LABELS.astype(np.float32) * 500
    ct = load_ct(save(tmp_path / 'ct.nii'), save(tmp_path / 'labels.nii', labels))
    np.testing.assert_array_equal(ct.labels, labels)
    assert ct.labels.dtype == np.uint16


def shifted(mm):
    return lps_affine_m(origin_mm=np.array([-31.0, 17, 240]) + OBLIQUE[:, 0] * mm)


@pytest.mark.parametrize(
    ('values', 'affine', 'reason'),
    [
        (LABELS[:, :, ::2], lps_affine_m(), r'3 x 5 x 4 voxels but .*ct\.nii has 6 x 5 x 4'),
        (LABELS, shifted(0.35), 'up to 0.35 mm away'),
        (LABELS, lps_affine_m(np.eye(3)), 'mm away'),
        (LABELS, lps_affine_m(spacing_mm=[0.7, 0.9, 2.6]), 'mm away'),
        (LABELS.astype(np.int16) - 1, lps_affine_m(), 'whole numbers from 0 on'),
        (LABELS + np.float32(0.5), lps_affine_m(), 'whole numbers from 0 on'),
    ],
    ids=['sub-sampled', 'half a voxel', 'turned', 'scaled', 'negative', 'fractions'],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, values, affine, reason):
    ct_path = save(tmp_path / 'ct.nii')
    labels_path = save_itk(tmp_path / 'labels.nrrd', values, affine)
    with pytest.raises(InputError, match=rf'labels\.nrrd: .*{reason}'):
        load_ct(ct_path, labels_path)


def test_labels_within_the_rounding_of_headers_fit(tmp_path):
    labels_path = save_itk(tmp_path / 'labels.nrrd', LABELS, shifted(0.01))
    assert load_ct(save(tmp_path / 'ct.nii'), labels_path).labels is not None
