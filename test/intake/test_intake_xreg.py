"""HDF5 files of xReg and DeepFluoro: their projection, round trips, truth and refusals."""

import h5py
import numpy as np
import pytest
from carm_scenes import CAMERA_FROM_REFERENCE, POINTS_M, assert_same, pixels_of, view
from xray_files import picture

from surgical_perception.errors import InputError
from surgical_perception.geometry import frames, se3
from xray_registration.intake.xreg import (
    DEEPFLUORO_BORDER_PX,
    read_deepfluoro_truth,
    read_xreg,
    write_xreg,
)

# As the data set publishes them: SDD 1020 mm, 1536 x 1536 pixels of 0.194 mm.
SIZE, FOCAL_PX = 400, -1020 / 0.194
INTRINSIC = np.array([[FOCAL_PX, 0, 199.5], [0, FOCAL_PX, 199.5], [0, 0, 1]])
EXTRINSIC_MM = se3.exp([0, 0, 0, 0.3, -0.2, 0.1])
EXTRINSIC_MM[:3, 3] = [12.0, -7.0, -680.0]  # in front of the source is at negative z
CAM_TO_PELVIS_MM = se3.exp([0, 0, 0, -0.5, 0.7, 0.2])
CAM_TO_PELVIS_MM[:3, 3] = [-120.0, 80.0, -900.0]


def by_xreg(k, extrinsic_mm, points_m):
    """Project as xReg does: K (R X + t), divided by its last component."""
    homogeneous = k @ (extrinsic_mm[:3, :3] @ points_m.T * 1e3 + extrinsic_mm[:3, 3:])
    return (homogeneous[:2] / homogeneous[2]).T


def write_deepfluoro(path, turned=0, pixels=None):
    with h5py.File(path, 'w') as file:
        parameters = file.create_group('proj-params')
        parameters['intrinsic'], parameters['extrinsic'] = INTRINSIC, EXTRINSIC_MM
        parameters['num-cols'] = parameters['num-rows'] = SIZE
        parameters['pixel-col-spacing'] = parameters['pixel-row-spacing'] = 0.194
        shot = file.create_group('17-1882/projections/005')
        shot['image/pixels'] = picture(SIZE, SIZE) if pixels is None else pixels
        shot['rot-180-for-up'] = turned
        shot['gt-poses/cam-to-pelvis-vol'] = CAM_TO_PELVIS_MM
    return path


@pytest.mark.parametrize('turned', [0, 1])
def test_deepfluoro_pixels_are_those_of_xreg(tmp_path, turned):
    found = read_xreg(write_deepfluoro(tmp_path / 'd.h5', turned), '17-1882/005')
    expected = by_xreg(INTRINSIC, EXTRINSIC_MM, POINTS_M) - DEEPFLUORO_BORDER_PX
    np.testing.assert_allclose(pixels_of(found), expected, atol=1e-6)
    assert found.flip == ('vertical' if turned else 'horizontal')
    assert found.intensity == 'raw'
    inner = picture(SIZE, SIZE)[50:-50, 50:-50]
    np.testing.assert_array_equal(found.pixels, inner)
    # The flag turns the picture by half a turn; seen from the source it is mirrored besides.
    up = frames.flip_image(inner, 'both') if turned else inner
    np.testing.assert_array_equal(found.unflipped().pixels, frames.flip_image(up, 'horizontal'))


def test_deepfluoro_truth_places_the_ct_in_the_image(tmp_path):
    path = write_deepfluoro(tmp_path / 'd.h5')
    found = read_xreg(path, '17-1882/005')
    reference_from_ct = read_deepfluoro_truth(path, '17-1882/005')
    landmark_mm = CAM_TO_PELVIS_MM[:3, :3] @ (POINTS_M[0] * 1e3) + CAM_TO_PELVIS_MM[:3, 3]
    again = pixels_of(found, se3.apply(reference_from_ct, landmark_mm * 1e-3)[None])
    np.testing.assert_allclose(again, pixels_of(found, POINTS_M[:1]), atol=1e-6)


@pytest.mark.parametrize('flip', frames.FLIPS)
def test_round_trip(tmp_path, flip):
    shot = view(flip=flip, pixels=picture(480, 640))
    write_xreg(tmp_path / 'x.h5', [view(), shot])
    found = read_xreg(tmp_path / 'x.h5', '1')
    assert_same(found, shot)
    np.testing.assert_array_equal(found.pixels, shot.pixels)
    assert found.intensity is None
    np.testing.assert_allclose(pixels_of(found), pixels_of(shot), atol=1e-6)


@pytest.mark.parametrize('flip', frames.FLIPS)
def test_what_is_written_is_xregs_projection(tmp_path, flip):
    write_xreg(tmp_path / 'x.h5', [view(flip=flip)])
    with h5py.File(tmp_path / 'x.h5') as file:
        k, extrinsic = (file[f'proj-000/cam/{key}'][()] for key in ('intrinsic', 'extrinsic'))
        mirrored = b'neg-z' in file['proj-000/cam/cam-coord-frame-type'][()]
    assert (k[0, 0] < 0) == mirrored
    assert np.linalg.det(extrinsic) == pytest.approx(1)
    depth_mm = extrinsic[2, :3] @ POINTS_M.T * 1e3 + extrinsic[2, 3]
    assert ((depth_mm < 0) == mirrored).all()
    found = by_xreg(k, extrinsic, POINTS_M)
    np.testing.assert_allclose(found, pixels_of(view(flip=flip)), atol=1e-6)


def test_a_camera_alone(tmp_path):
    write_xreg(tmp_path / 'all.h5', [view(flip='horizontal')])
    with h5py.File(tmp_path / 'all.h5') as file, h5py.File(tmp_path / 'cam.h5', 'w') as alone:
        for key in file['proj-000/cam']:
            file.copy(f'proj-000/cam/{key}', alone)
    assert_same(read_xreg(tmp_path / 'cam.h5'), view(flip='horizontal'))


def changed(path, key, value):
    with h5py.File(path, 'a') as file:
        if key in file:
            del file[key]
        if value is not None:
            file[key] = value
    return path


CAM = 'proj-000/cam'
BAD = {
    'no camera': (f'{CAM}/intrinsic', None, 'intrinsic is missing'),
    'skew': (f'{CAM}/intrinsic', [[9, 1, 3], [0, 9, 3], [0, 0, 1.0]], 'skew'),
    'signs swapped': (f'{CAM}/cam-coord-frame-type', b'origin-at-focal-pt-det-neg-z', 'positive'),
    'another type': (f'{CAM}/cam-coord-frame-type', b'origin-on-det', 'origin-on-det'),
    'a text': (f'{CAM}/num-cols', b'wide', 'num-cols'),
    'a quarter turn': ('proj-000/rot-to-pat-up', 90, '90 degrees'),
    'NaN': (f'{CAM}/extrinsic', np.full((4, 4), np.nan), 'NaN'),
    'mirrored pose': (f'{CAM}/extrinsic', np.diag([1, 1, -1.0, 1]), 'mirrored'),
    'another size': (f'{CAM}/num-cols', 80, '640x480'),
    'a volume': ('proj-000/img/pixels', np.zeros((2, 2, 2)), 'one grey picture'),
    'elsewhere': (f'{CAM}/intrinsic', h5py.ExternalLink('/etc/passwd', '/'), 'is missing'),
    'no projection': ('num-projs', 0, '0 X-rays'),
    'another program': ('num-projs', None, 'another program'),
}


@pytest.mark.parametrize('case', BAD)
def test_what_cannot_be_used_is_refused_by_name(tmp_path, case):
    key, value, named = BAD[case]
    write_xreg(tmp_path / 'x.h5', [view(pixels=picture(480, 640))])
    with pytest.raises(InputError, match=f'x.h5.*{named}'):
        read_xreg(changed(tmp_path / 'x.h5', key, value))


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(InputError, match='no such file'):
        read_xreg(tmp_path / 'none.h5')
    path = write_deepfluoro(tmp_path / 'd.h5')
    for name in (None, '17-1882', '17-1882/099', '../005'):
        with pytest.raises(InputError, match='its specimens are 17-1882'):
            read_xreg(path, name)
    whole = path.read_bytes()
    for size in (0, 100, len(whole) // 2):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r'd\.h5'):
            read_xreg(path, '17-1882/005')
    write_xreg(tmp_path / 'two.h5', [view(), view()])
    with pytest.raises(InputError, match='say which one'):
        read_xreg(tmp_path / 'two.h5')
    for name in ('2', '-1', 'x'):
        with pytest.raises(InputError, match='counted from 0'):
            read_xreg(tmp_path / 'two.h5', name)


def test_poses_are_written_in_mm(tmp_path):
    write_xreg(tmp_path / 'x.h5', [view()])
    with h5py.File(tmp_path / 'x.h5') as file:
        written = file[f'{CAM}/extrinsic'][:3, 3]
    np.testing.assert_allclose(written, CAMERA_FROM_REFERENCE[:3, 3] * 1e3)
