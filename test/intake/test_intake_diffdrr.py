"""DiffDRR's cameras: the rays of its own detector, round trips and refusals."""

import json
from itertools import product

import numpy as np
import pytest
import torch
from carm_scenes import CAMERA, assert_same, pixels_of, view
from diffdrr.detector import Detector
from diffdrr.pose import RigidTransform

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from xray_registration.intake.diffdrr import read_diffdrr, write_diffdrr

CENTRE_RAS_MM = np.array([-12.0, 30.0, 400.0])
REORIENT = {
    'AP': [[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]],
    'PA': [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]],
    None: np.eye(4),
}


def content(**changes):
    pose = se3.exp([0, 0, 0, 0.2, -0.3, 0.4])
    pose[:3, 3] = [20.0, 850.0, -35.0]
    return {
        'sdd': 1020.0,
        'height': 21,
        'width': 30,
        'delx': 3.0,
        'dely': 3.1,
        'x0': 7.0,
        'y0': -4.0,
        'reverse_x_axis': True,
        'orientation': 'AP',
        'isocenter': CENTRE_RAS_MM.tolist(),
        'pose': pose.ravel().tolist(),
    } | changes


def written(path, values):
    path.write_text(json.dumps(values))
    return path


def rays_of_diffdrr(values):
    """Return source [3] and pixels' places [H, W, 3] in RAS (mm) by DiffDRR's own detector."""
    keys = ('sdd', 'height', 'width', 'delx', 'dely', 'x0', 'y0')
    detector = Detector(
        *(values[key] for key in keys),
        torch.tensor(REORIENT[values['orientation']], dtype=torch.float32),
        reverse_x_axis=values['reverse_x_axis'],
    )
    pose = RigidTransform(torch.tensor(values['pose']).reshape(4, 4))
    source, target = detector(pose, None)
    shape = values['height'], values['width'], 3
    return source[0, 0].numpy(), target[0].reshape(shape).numpy()


@pytest.mark.parametrize(
    ('orientation', 'reverse', 'height', 'width'),
    [*product(['AP', 'PA', None], [True, False], [20, 21], [30]), ('AP', False, 20, 31)],
)
def test_rays_are_those_of_diffdrr(tmp_path, orientation, reverse, height, width):
    """A point half-way along the ray of each pixel of DiffDRR is seen in that pixel."""
    values = content(orientation=orientation, reverse_x_axis=reverse, height=height, width=width)
    source, target = rays_of_diffdrr(values)
    found = read_diffdrr(written(tmp_path / 'd.json', values))
    points_ras_mm = (source + target) / 2 + CENTRE_RAS_MM
    points_lps_m = points_ras_mm * [-1e-3, -1e-3, 1e-3]
    v, u = np.mgrid[:height, :width]
    np.testing.assert_allclose(pixels_of(found, points_lps_m), np.stack([u, v], -1), atol=1e-3)
    assert found.flip == ('none' if reverse != (orientation == 'PA') else 'horizontal')


def test_round_trip(tmp_path):
    write_diffdrr(tmp_path / 'd.json', view(), sdd_mm=1000.0)
    assert_same(read_diffdrr(tmp_path / 'd.json'), view())


def test_what_is_written_renders_in_diffdrr_as_seen_from_the_source(tmp_path):
    mirrored = view(flip='horizontal')
    write_diffdrr(tmp_path / 'd.json', mirrored, sdd_mm=1000.0)
    source, target = rays_of_diffdrr(json.loads((tmp_path / 'd.json').read_text()))
    points_lps_m = ((source + target) / 2)[::40, ::40] * [-1e-3, -1e-3, 1e-3]
    v, u = np.mgrid[: CAMERA.height : 40, : CAMERA.width : 40]
    found = pixels_of(mirrored.unflipped(), points_lps_m)
    np.testing.assert_allclose(found, np.stack([u, v], -1), atol=1e-2)


BAD = {
    'a missing key': ({'isocenter': ...}, 'isocenter'),
    'an unknown key': ({'renderer': 'siddon'}, 'renderer'),
    'a text': ({'sdd': '1020'}, 'sdd is'),
    'a truth value': ({'delx': True}, 'delx is'),
    'half a pixel': ({'width': 30.5}, 'whole'),
    'no distance': ({'sdd': 0}, 'positive'),
    'another orientation': ({'orientation': 'LAT'}, 'LAT'),
    'not yes or no': ({'reverse_x_axis': 1}, 'true or false'),
    'a pose in E(3)': ({'pose': np.diag([1, 1, -1.0, 1]).ravel().tolist()}, 'mirrored'),
    '15 numbers': ({'pose': [0.0] * 15}, '15 numbers'),
    'no place': ({'isocenter': [1, 2]}, 'isocenter'),
    'beside the beam': ({'x0': 500.0}, 'principal point'),
}


@pytest.mark.parametrize('case', BAD)
def test_what_cannot_be_used_is_refused_by_name(tmp_path, case):
    changes, named = BAD[case]
    values = {key: value for key, value in content(**changes).items() if value is not ...}
    with pytest.raises(InputError, match=f'd.json.*{named}'):
        read_diffdrr(written(tmp_path / 'd.json', values))


@pytest.mark.parametrize('text', ['', '{', '[]', 'null', '[' * 100_000])
def test_files_that_are_none_are_refused(tmp_path, text):
    (tmp_path / 'd.json').write_text(text)
    with pytest.raises(InputError, match=r'd\.json'):
        read_diffdrr(tmp_path / 'd.json')
