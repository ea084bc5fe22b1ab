"""MayaCam 2.0: written, read back, compared with real files and OpenCV, refused with a reason."""

import cv2
import numpy as np
import pytest
from carm_scenes import CAMERA_FROM_REFERENCE, POINTS_M, assert_same, pixels_of, view

from surgical_perception.errors import InputError
from xray_registration.intake.mayacam import read_mayacam, write_mayacam

REAL = 'wrist_biplane/calibration/xr_calib_wrist_cam0{}.txt'


@pytest.fixture
def path(tmp_path):
    write_mayacam(tmp_path / 'cam.txt', view())
    return tmp_path / 'cam.txt'


def test_round_trip(path):
    assert_same(read_mayacam(path), view())


def test_pixels_are_those_of_opencv(path):
    """XMALab's own projection is OpenCV's, on K, R and t as they stand in the file."""
    rows = [line for line in path.read_text().splitlines() if ',' in line]
    k, r = (np.array([row.split(',') for row in rows[i : i + 3]], float) for i in (1, 4))
    t = np.array(path.read_text().split('translation\n')[1].split(), float)
    expected, _ = cv2.projectPoints(POINTS_M * 1e3, cv2.Rodrigues(r)[0], t, k, None)
    np.testing.assert_allclose(pixels_of(read_mayacam(path)), expected[:, 0], atol=1e-6)


def test_a_mirrored_view_is_written_as_seen_from_the_source(tmp_path):
    write_mayacam(tmp_path / 'cam.txt', view(flip='horizontal'))
    assert_same(read_mayacam(tmp_path / 'cam.txt'), view(flip='horizontal').unflipped())


def test_unit_of_the_cube(path):
    further = CAMERA_FROM_REFERENCE.copy()
    further[:3, 3] *= 2.5
    assert_same(read_mayacam(path, unit_mm=2.5), view(camera_from_reference=further))


def test_real_calibrations_see_the_bones_in_both_images(data_dir):
    """Two sources about a metre from the wrist, across each other, their axes meeting there."""
    views = [read_mayacam(data_dir / REAL.format(i)) for i in (1, 2)]
    assert [v.camera.width for v in views] == [1760, 1760]
    axes = [v.camera_from_reference[2, :3] for v in views]
    sources = [v.source_in_reference_m for v in views]
    assert abs(axes[0] @ axes[1]) < 0.5
    # Where the two principal rays come nearest to each other.
    apart = np.stack([axes[0], -axes[1]], -1)
    along = np.linalg.lstsq(apart, sources[1] - sources[0], rcond=None)[0]
    crossing = [s + a * d for s, a, d in zip(sources, axes, along, strict=True)]
    assert np.linalg.norm(crossing[0] - crossing[1]) < 0.05
    for v, depth in zip(views, along, strict=True):
        assert 0.5 < depth < 1.5
        assert 0.1e-3 < depth / v.camera.fx < 0.25e-3  # size of a pixel at the wrist


@pytest.mark.parametrize('number', [1, 2])
def test_real_calibrations_round_trip(data_dir, tmp_path, number):
    real = read_mayacam(data_dir / REAL.format(number))
    write_mayacam(tmp_path / 'again.txt', real)
    assert_same(read_mayacam(tmp_path / 'again.txt'), real)


BAD = {
    'MayaCam 1.0': (lambda text: '0.1,0.2,0.3\n' + text, 'export the calibration'),
    'empty': (lambda text: '', 'MayaCam 2.0'),
    'truncated': (lambda text: text[: text.index('translation')], "'translation'"),
    'cut in a section': (
        lambda text: text[: text.index('translation') + 15],
        'translation is not',
    ),
    'twice': (lambda text: text + text, "'image size'"),
    'no number': (lambda text: text.replace('640', 'wide'), 'image size is not'),
    'not finite': (lambda text: text.replace('640', 'nan'), 'image size is not'),
    'half a pixel': (lambda text: text.replace('640', '640.5'), 'whole numbers'),
    'skew': (lambda text: text.replace('3300.5,0', '3300.5,2'), 'camera matrix'),
    'mirrored': (lambda text: text.replace('3302.25', '-3302.25'), 'image_flip'),
    'metres': (lambda text: text.replace('810', '0.81'), 'write the translation in mm'),
    'not a rotation': (lambda text: text.replace('rotation\n', 'rotation\n9'), 'rotation'),
}


@pytest.mark.parametrize('case', BAD)
def test_what_cannot_be_used_is_refused_by_name(path, case):
    change, named = BAD[case]
    path.write_text(change(path.read_text()))
    with pytest.raises(InputError, match=f'cam.txt.*{named}'):
        read_mayacam(path)


def test_binary_and_missing_files_are_refused(tmp_path):
    (tmp_path / 'cam.txt').write_bytes(b'\xff\xd8\xff')
    with pytest.raises(InputError, match='binary'):
        read_mayacam(tmp_path / 'cam.txt')
    with pytest.raises(InputError, match=r'none\.txt.*cannot be read'):
        read_mayacam(tmp_path / 'none.txt')
