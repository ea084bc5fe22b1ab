"""`register --landmarks-2d`: a start from marks in the X-ray, and marks that are none."""

import json

import cv2
import numpy as np
import pytest
from small_ct import write_small_ct

from surgical_perception import cli
from surgical_perception.errors import InputError
from surgical_perception.geometry import frames, se3
from surgical_perception.geometry.camera import PinholeCamera, save_camera_yaml
from xray_registration.drr import render
from xray_registration.landmark_start import landmark_start
from xray_registration.landmarks import save_landmarks
from xray_registration.training.spread_points import spread_points
from xray_registration.views import View
from xray_registration.volume.attenuation import attenuation_from_ct
from xray_registration.volume.loader import load_ct

CAMERA = PinholeCamera.from_carm(128, 128, sdd_mm=1000, du_mm=2.0)


@pytest.fixture(scope='module')
def ct(tmp_path_factory):
    return load_ct(write_small_ct(tmp_path_factory.mktemp('ct') / 'ct.nii'))


@pytest.fixture(scope='module')
def pose(ct):
    nominal = frames.carm_from_ct_at('LAT_L', ct.isocentre_m, 0.7)
    return se3.perturb([0.005, -0.008, 0.01, 0.3, -0.25, 0.14], nominal, [0, 0, 0.7])


@pytest.fixture
def marks(ct, pose, tmp_path):
    """Write landmarks that were marked a pixel off, but for one that was mistaken."""
    points = spread_points(ct, 8, 0.07)
    path = save_landmarks(tmp_path / 'marks.json', points, ct)
    rng = np.random.default_rng(0)
    pixels = {
        name: (CAMERA.project(se3.apply(pose, point)) + rng.uniform(-0.3, 0.3, 2)).tolist()
        for name, point in points.items()
    }
    pixels['bone 3'] = [100, 20]
    return changed(path, pixels=[pixels])


def changed(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    return path


def view():
    return View(np.zeros((128, 128), np.float32), CAMERA)


def test_marks_give_a_start_nearby(ct, pose, marks):
    start = landmark_start(marks, [view()])
    away = se3.apply(start, ct.isocentre_m) - se3.apply(pose, ct.isocentre_m)
    assert np.linalg.norm(away) < 0.02
    assert np.rad2deg(se3.rotation_angle(start @ se3.inverse(pose))) < 3


def test_a_registration_that_begins_there_ends_at_the_truth(ct, pose, marks, tmp_path):
    drr = render(attenuation_from_ct(ct), CAMERA, pose).image[0]
    cv2.imwrite(str(tmp_path / 'x.png'), np.round(60000 * np.exp(-drr)).astype(np.uint16))
    save_camera_yaml(tmp_path / 'cam.yaml', CAMERA)
    files = {'--ct': ct.path, '--image': 'x.png', '--camera': 'cam.yaml', '--out': 'out'}
    words = [str(w) for flag, f in files.items() for w in (flag, tmp_path / f)]
    assert cli.main(['register', *words, '--landmarks-2d', str(marks)]) == 0
    result = json.loads((tmp_path / 'out' / 'result.json').read_text())
    assert result['status'] == 'OK', result['reason']
    assert result['starts'] == 1
    assert result['inputs']['landmarks_2d']['path'] == str(marks)
    np.testing.assert_allclose(np.reshape(result['reference_from_ct'], (4, 4)), pose, atol=2e-3)
    both = [*words, '--landmarks-2d', str(marks), '--start', str(start_file(tmp_path, pose))]
    assert cli.main(['register', *both]) == 2


def start_file(folder, pose):
    path = folder / 'start.json'
    path.write_text(json.dumps({'reference_from_ct': pose.ravel().tolist()}))
    return path


@pytest.mark.parametrize(
    ('pixels', 'reason'),
    [
        (None, 'expected "pixels"'),
        ({'bone 1': [1, 2]}, 'expected "pixels"'),
        ([{}, {}], 'pixels of 2 X-rays but there are 1'),
        ([{'bone 1': [1, 2, 3]}], r'bone 1: \[1, 2, 3\] is no pixel'),
        ([{'bone 1': 'here'}], 'bone 1: here is no pixel'),
        ([{'bone 1': [128, 5]}], 'of an image of 128x128'),
        ([{'bone 1': [float('nan'), 5]}], 'is no pixel'),
        ([{'skull': [1, 2]}], 'named skull'),
        ([{'bone 1': [1, 2], 'bone 2': [5, 5]}], 'shows 2 points'),
    ],
)
def test_marks_that_cannot_be_used_are_named(marks, pixels, reason):
    with pytest.raises(InputError, match=reason) as refused:
        landmark_start(changed(marks, pixels=pixels), [view()])
    assert str(refused.value).startswith(str(marks))
