"""Points of labelled bones: where ITK has them, outermost where they should be, and refusals."""

import json

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from surgical_perception import cli
from surgical_perception.errors import InputError
from xray_registration.landmarks import (
    landmarks_of,
    load_landmarks,
    parsed_names,
    save_landmarks,
)
from xray_registration.volume.ct_image import CtImage
from xray_registration.volume.loader import load_ct

# Indices run towards the patient's right, head and front, in mm and turned axes.
CT_FROM_INDEX = np.array(
    [[-2e-3, 0, 0, 0.1], [0, 0, -3e-3, 0.2], [0, 4e-3, 0, -0.3], [0, 0, 0, 1]]
)


def labelled():
    """A bar of 9 x 3 x 5 voxels with one voxel that sticks out towards the head, and a stray."""
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[4:9, 6:9, 2:11] = 5
    labels[6, 9, 6] = 5
    labels[19, 19, 19] = 5
    labels[12, 12, 12] = 7
    return CtImage(np.zeros(labels.shape, np.int16), CT_FROM_INDEX, 'ct.nii', 'hash', labels)


def place(x, y, z):
    return (CT_FROM_INDEX @ [x, y, z, 1])[:3]


def test_outermost_points_are_those_of_the_patients_axes():
    points = landmarks_of(labelled(), {5: 'bar'})
    np.testing.assert_allclose(points['bar.head'], place(6, 9, 6))
    np.testing.assert_allclose(points['bar.left'], place(2, 7, 6))  # x runs to the right
    np.testing.assert_allclose(points['bar.right'], place(10, 7, 6))
    np.testing.assert_allclose(points['bar.front'], place(6, 7, 8))  # z runs to the front
    np.testing.assert_allclose(points['bar.back'], place(6, 7, 4))
    # The stray voxel at (19, 19, 19) is none of it.
    voxels = [place(x, y, z) for z in range(4, 9) for y in range(6, 9) for x in range(2, 11)]
    np.testing.assert_allclose(points['bar.centre'], np.mean([*voxels, place(6, 9, 6)], 0))


def test_all_labels_are_named_by_number():
    names = {name.split('.')[0] for name in landmarks_of(labelled())}
    assert names == {'5', '7'}


def test_centres_are_those_of_itk(data_dir):
    folder = data_dir / 'pelvis_ct'
    files = folder / 'example_ct.nii.gz', folder / 'example_seg_fast_force_split.nii.gz'
    points = landmarks_of(load_ct(*files), {77: 'hip_left', 78: 'hip_right', 25: 'sacrum'})
    pieces = sitk.RelabelComponent(
        sitk.ConnectedComponent(sitk.ReadImage(str(files[1]), sitk.sitkUInt8) == 77)
    )
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(pieces)
    expected_mm = statistics.GetCentroid(1)
    np.testing.assert_allclose(points['hip_left.centre'] * 1e3, expected_mm, atol=1e-3)
    assert points['hip_left.left'][0] > points['sacrum.centre'][0] > points['hip_right.right'][0]
    assert points['sacrum.head'][2] > points['sacrum.centre'][2] > points['sacrum.foot'][2]


def test_the_verb_writes_what_is_read(tmp_path, capsys):
    ct = labelled()
    affine = np.diag([-1, -1, 1, 1.0]) @ ct.ct_from_index
    affine[:3] *= 1e3
    for name, values in {'ct': ct.hu - 1000, 'labels': ct.labels}.items():
        values = values.transpose(2, 1, 0)
        nibabel.save(nibabel.Nifti1Image(values, affine), tmp_path / f'{name}.nii')
    words = ['landmarks', '--label', '5=bar', '7', '--out', str(tmp_path / 'points.json')]
    words += ['--ct', str(tmp_path / 'ct.nii'), '--labels', str(tmp_path / 'labels.nii')]
    assert cli.main(words) == 0
    assert '14 points' in capsys.readouterr().out
    found = load_landmarks(tmp_path / 'points.json')
    for name, point in landmarks_of(ct, {5: 'bar', 7: '7'}).items():
        np.testing.assert_allclose(found[name], point, atol=1e-6)
    assert len(json.loads((tmp_path / 'points.json').read_text())['ct']['sha256']) == 64


def test_missing_labels_and_names_that_are_none_are_refused(tmp_path):
    with pytest.raises(InputError, match='no 6: they have 5, 7'):
        landmarks_of(labelled(), {6: 'none'})
    for words in (['x'], ['0'], ['-1'], ['5=a', '7=a']):
        with pytest.raises(InputError):
            parsed_names(words)
    assert parsed_names([]) is None


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        (lambda c: c | {'unit': 'mm'}, 'unit mm'),
        (lambda c: c | {'frame': 'ct_ras'}, 'frame ct_ras'),
        (lambda c: c | {'points': {}}, 'no points'),
        (lambda c: c | {'points': {'a': [1, 2]}}, 'a is no point'),
        (lambda c: c | {'points': {'a': [1, 2, 'x']}}, 'a is no point'),
        (lambda c: [], 'expected a JSON'),
    ],
)
def test_points_that_are_none_are_refused(tmp_path, change, named):
    path = save_landmarks(tmp_path / 'points.json', {'a': np.zeros(3)}, labelled())
    assert list(load_landmarks(path)) == ['a']
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(InputError, match=f'points.json.*{named}'):
        load_landmarks(path)
