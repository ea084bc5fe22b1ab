"""A case comes back from its folder as it was written, and every damage is named."""

import json

import cv2
import numpy as np
import pytest

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.benchmark.case_folder import Shot, find_cases, read_case, write_case
from xray_registration.benchmark.starts import StartRange
from xray_registration.benchmark.truth import Truth
from xray_registration.config import MaskConfig
from xray_registration.masks.automatic import with_masks

CAMERA = PinholeCamera.from_carm(32, 24, sdd_mm=1020.0, du_mm=9.0)
POSE = se3.exp([0.01, -0.02, 0.7, 0.1, -0.2, 0.3])
SECOND = se3.exp([0.3, 0.0, 0.1, 0.0, 1.2, 0.0])


def truth(**changes):
    values = {
        'ct_path': 'ct.nii.gz', 'ct_sha256': 'ab' * 32, 'group': 'hard-far', 'views': 2,
        'sdd_mm': 1020.0, 'reference_from_ct': POSE,
        'points_m': np.array([[0.01, 0.02, -0.03], [0.0, 0.1, 0.2]]),
        'starts': np.stack([se3.exp([0.01 * n, 0, 0, 0, 0.1, 0]) @ POSE for n in range(3)]),
        'start_range': StartRange(30, 60, 90), 'automatic_masks': False,
        'made': {'seed': 7},
    }  # fmt: skip
    return Truth(**{**values, **changes})


def pixels(seed):
    return np.random.default_rng(seed).integers(1, 65535, (24, 32), dtype=np.uint16)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / 'cases' / 'hard-far-000'
    shots = [Shot(pixels(0), CAMERA, np.eye(4)), Shot(pixels(1), CAMERA, SECOND)]
    write_case(path, shots, truth())
    return path


def test_a_case_comes_back_as_it_was(folder):
    case = read_case(folder)
    assert case.name == 'cases/hard-far-000'
    assert case.ct_path == folder / 'ct.nii.gz'
    for number, view in enumerate(case.views):
        counts = pixels(number).astype(float)
        np.testing.assert_allclose(np.exp(-view.image), counts / counts.max(), rtol=1e-4)
        assert view.camera == CAMERA
    np.testing.assert_allclose(case.views[1].camera_from_reference, SECOND, atol=1e-12)
    found, expected = case.truth, truth()
    for name in ('reference_from_ct', 'starts', 'points_m'):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-12)
    for name in ('group', 'views', 'sdd_mm', 'start_range', 'automatic_masks', 'made'):
        assert getattr(found, name) == getattr(expected, name), name


def test_a_region_comes_back_and_is_whole_where_none_is_said(tmp_path):
    shots = [Shot(pixels(0), CAMERA, np.eye(4))]
    write_case(tmp_path / 'c', shots, truth(views=1, region='projection'))
    assert read_case(tmp_path / 'c').truth.region == 'projection'
    path = tmp_path / 'c' / 'truth.json'
    values = json.loads(path.read_text())
    del values['region']
    path.write_text(json.dumps(values))
    assert read_case(tmp_path / 'c').truth.region == 'whole'


def test_a_mask_comes_back_and_wins_over_the_automatic_one(tmp_path):
    mask = np.zeros((24, 32), bool)
    mask[4:20, 5:30] = True
    shots = [Shot(pixels(0), CAMERA, np.eye(4)), Shot(pixels(1), CAMERA, SECOND, mask)]
    write_case(tmp_path / 'c', shots, truth())
    case = read_case(tmp_path / 'c')
    assert case.views[0].mask is None
    np.testing.assert_array_equal(case.views[1].mask, mask)
    views, texts = with_masks(case.views, MaskConfig())
    assert texts[1] == 'given' != texts[0]
    np.testing.assert_array_equal(views[1].mask, mask)


def test_a_mask_is_part_of_what_a_case_is_known_by(folder):
    before = read_case(folder).sha256
    mask = np.full((24, 32), 255, np.uint8)
    cv2.imwrite(str(folder / 'mask_0.png'), mask)
    drawn = read_case(folder).sha256
    mask[0] = 0
    cv2.imwrite(str(folder / 'mask_0.png'), mask)
    assert len({before, drawn, read_case(folder).sha256}) == 3


@pytest.mark.parametrize(
    ('name', 'mask', 'expected'),
    [
        ('mask_1.png', np.ones((24, 30), np.uint8), 'is 30x24 but its X-ray is 32x24: draw it'),
        ('mask_1.png', np.zeros((24, 32), np.uint8), 'is 0 everywhere.*or remove it'),
        ('mask_0.png', None, 'is damaged.*save it as 8 bits of grey.*or remove it'),
        ('mask_2.png', np.ones((24, 32), np.uint8), 'no X-ray of that number: rename or remove'),
    ],
)
def test_a_mask_that_cannot_be_used_is_named(folder, name, mask, expected):
    if mask is None:
        (folder / name).write_bytes(b'no picture')
    else:
        cv2.imwrite(str(folder / name), mask)
    with pytest.raises(InputError, match=expected) as raised:
        read_case(folder)
    assert str(folder / name) in str(raised.value)


def test_cases_beside_each_other_name_one_ct_alike(folder):
    other = folder.parent.with_name('more') / 'c'
    write_case(other, [Shot(pixels(0), CAMERA, np.eye(4))], truth(views=1, ct_path='../../ct.nii'))
    third = folder.with_name('b')
    write_case(third, [Shot(pixels(0), CAMERA, np.eye(4))], truth(views=1, ct_path='../../ct.nii'))
    assert read_case(other).ct_path == read_case(third).ct_path


def test_a_case_may_have_no_starts(tmp_path):
    shots = [Shot(pixels(0), CAMERA, np.eye(4))]
    none = truth(views=1, starts=np.empty((0, 4, 4)), start_range=None)
    write_case(tmp_path / 'c', shots, none)
    found = read_case(tmp_path / 'c').truth
    assert found.starts.shape == (0, 4, 4) and found.start_range is None


def test_an_absolute_path_of_the_ct_is_kept(tmp_path):
    shots = [Shot(pixels(0), CAMERA, np.eye(4))]
    write_case(tmp_path / 'c', shots, truth(views=1, ct_path='/scans/ct.nrrd'))
    assert str(read_case(tmp_path / 'c').ct_path) == '/scans/ct.nrrd'


def test_a_case_is_never_overwritten(folder):
    before = read_case(folder).sha256
    with pytest.raises(InputError, match='cannot be written'):
        write_case(folder, [Shot(pixels(2), CAMERA, np.eye(4))], truth(views=1))
    assert read_case(folder).sha256 == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def drop(key):
    return lambda values: values.pop(key)


def put(key, value):
    return lambda values: values.__setitem__(key, value)


NO_CT = {'path': 'ct.nii.gz'}
MIRRORED = np.diag([-1.0, 1, 1, 1]).ravel().tolist()
DAMAGES = {
    'an old format': (put('format', 0), 'format 1'),
    'no CT': (drop('ct'), 'ct is null'),
    'no hash': (put('ct', NO_CT), 'sha256'),
    'a short hash': (put('ct', {**NO_CT, 'sha256': 'ab'}), '64 hexadecimal'),
    'no group': (put('group', ' '), 'group is empty'),
    'a number as group': (put('group', 3), 'group is 3'),
    'the name of all groups': (put('group', 'all groups'), 'take another'),
    'no views': (put('views', 0), 'views is 0'),
    'true views': (put('views', True), 'views is true'),
    'more views than files': (put('views', 3), 'holds 2 X-rays'),
    'unknown intensity': (put('intensity', 'dark'), 'intensity'),
    'masks as text': (put('automatic_masks', 'no'), 'automatic_masks'),
    'unknown region': (put('region', 'bone'), 'region is "bone", expected one of whole, proj'),
    'a region of nothing': (put('region', None), 'region is null'),
    'SDD 0': (put('sdd_mm', 0), 'sdd_mm'),
    'SDD as text': (put('sdd_mm', '1 m'), 'sdd_mm'),
    'no pose': (drop('reference_from_ct'), 'reference_from_ct'),
    'a short pose': (put('reference_from_ct', [1.0]), 'reference_from_ct has 1 numbers'),
    'a mirrored pose': (put('reference_from_ct', MIRRORED), 'mirrored'),
    'a start of text': (put('starts', [['a'] * 16]), r'starts\[0\] is not made of numbers'),
    'no starts': (drop('starts'), 'starts is null'),
    'starts of unknown range': (put('start_range', None), 'start_range is missing'),
    'a range below 0': (
        put('start_range', {'rotation_deg': -1, 'in_plane_mm': 1, 'depth_mm': 1}),
        'rotation_deg',
    ),
    'no points': (put('points_m', []), 'points_m'),
    'flat points': (put('points_m', [[1.0, 2.0]]), 'points_m'),
    'ragged points': (put('points_m', [[1.0, 2.0, 3.0], [1.0]]), 'points_m'),
    'points in mm': (put('points_m', [[100.0, 2.0, 3.0]]), 'are these mm'),
    'no settings': (drop('made'), 'made'),
}


@pytest.mark.parametrize('name', DAMAGES)
def test_damage_is_refused_by_name(folder, name):
    damage, expected = DAMAGES[name]
    values = json.loads((folder / 'truth.json').read_text())
    damage(values)
    (folder / 'truth.json').write_text(json.dumps(values))
    with pytest.raises(InputError, match=expected) as raised:
        read_case(folder)
    assert str(folder) in str(raised.value)


def test_what_is_no_json_is_refused(folder):
    (folder / 'truth.json').write_text('{')
    with pytest.raises(InputError, match=r'truth\.json: is no JSON'):
        read_case(folder)


@pytest.mark.parametrize('name', ['truth.json', 'camera_1.yaml'])
def test_an_absent_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(InputError, match=name):
        read_case(folder)


def test_a_damaged_x_ray_is_named(folder):
    (folder / 'view_0.png').write_bytes(b'no picture')
    with pytest.raises(InputError, match=r'view_0\.png'):
        read_case(folder)


def test_a_camera_of_another_size_is_refused(folder):
    write_case(
        folder.with_name('other'),
        [Shot(pixels(0)[:20], CAMERA, np.eye(4))],
        truth(views=1),
    )
    with pytest.raises(InputError, match=r'view_0\.png.*32x24'):
        read_case(folder.with_name('other'))


def test_cases_are_found_in_a_folder_and_by_themselves(folder):
    write_case(folder.with_name('a'), [Shot(pixels(0), CAMERA, np.eye(4))], truth(views=1))
    folder.with_name('.b.12').mkdir()
    (folder.with_name('.b.12') / 'truth.json').touch()
    both = [folder.with_name('a'), folder]
    assert find_cases([folder.parent]) == both
    assert find_cases([folder, folder.parent]) == both[::-1]
    with pytest.raises(InputError, match='holds no case'):
        find_cases([folder / 'none'])


def test_two_cases_of_one_name_are_refused(folder, tmp_path):
    other = tmp_path / 'elsewhere' / 'cases' / folder.name
    write_case(other, [Shot(pixels(0), CAMERA, np.eye(4))], truth(views=1))
    with pytest.raises(InputError, match='same name'):
        find_cases([folder.parent, other.parent])
