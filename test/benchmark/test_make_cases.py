"""Cases are what their preset says, the same for the same seed, and not made twice."""

import filecmp

import numpy as np
import pytest

from surgical_perception import cli
from surgical_perception.errors import InputError
from surgical_perception.evaluation.results import sha256_of
from surgical_perception.geometry import se3
from xray_registration.benchmark import make_cases
from xray_registration.benchmark.case_folder import find_cases, read_case
from xray_registration.benchmark.presets import PRESETS
from xray_registration.simulation import siddon
from xray_registration.volume.loader import load_ct

pytestmark = pytest.mark.usefixtures('small_camera')


@pytest.fixture(scope='module')
def made(ct_path, small_camera, tmp_path_factory):
    """Two cases of three starts, and one of every other preset."""
    out = tmp_path_factory.mktemp('cases')
    make_cases.run(ct_path, out, PRESETS, count=1, per_pose=3, seed=4)
    return out


@pytest.fixture
def projections(monkeypatch):
    """The poses that are really projected."""
    poses, project = [], siddon.project
    monkeypatch.setattr(siddon, 'project', lambda *a: poses.append(a[2]) or project(*a))
    return poses


@pytest.mark.parametrize('name', PRESETS)
def test_a_case_is_what_its_preset_says(made, ct_path, name):
    case, preset, ct = read_case(made / f'{name}-000'), PRESETS[name], load_ct(ct_path)
    truth = case.truth
    assert len(case.views) == preset.views
    assert truth.group == name
    assert truth.automatic_masks == preset.automatic_masks
    assert truth.start_range == preset.start_range
    assert len(truth.starts) == (0 if preset.start_range is None else 3)
    assert truth.ct_sha256 == ct.sha256
    np.testing.assert_array_equal(case.views[0].camera_from_reference, np.eye(4))
    assert preset.poses.contains(truth.reference_from_ct, ct.isocentre_m)
    for start in truth.starts:
        turn = se3.rotation_angle(start @ se3.inverse(truth.reference_from_ct))
        limit = np.sqrt(3) * np.deg2rad(preset.start_range.rotation_deg)
        assert 0 < turn <= limit + 1e-9
    indices = se3.apply(np.linalg.inv(ct.ct_from_index), truth.points_m)
    assert (ct.hu[tuple(np.rint(indices[:, ::-1]).astype(int).T)] > 300).all()


def test_the_x_ray_is_of_the_pose(made, ct_path):
    """Projected bone is bright where the truth puts the points of the bone."""
    case = read_case(made / 'hard-far-000')
    view, truth = case.views[0], case.truth
    uv = view.camera.project(se3.apply(truth.reference_from_ct, truth.points_m))
    inside = ((uv >= 0) & (uv <= 63)).all(1)
    u, v = np.rint(uv[inside]).astype(int).T
    assert view.image[v, u].mean() > view.image.mean() + 0.3 * view.image.std()


def test_both_views_see_the_same_isocentre(made, ct_path):
    case = read_case(made / 'training-range-000')
    first, second = (
        se3.apply(view.camera_from_reference @ case.truth.reference_from_ct, np.zeros(3))
        for view in case.views
    )
    assert np.abs(first - second).max() > 0.01
    turn = np.degrees(se3.rotation_angle(case.views[1].camera_from_reference))
    assert 59 < turn < 93


def test_starts_of_wider_presets_are_of_the_same_poses(made):
    near, far = (read_case(made / f'standard{end}-000').truth for end in ('', '-45'))
    np.testing.assert_array_equal(near.reference_from_ct, far.reference_from_ct)
    assert not np.allclose(near.starts, far.starts)


def test_the_same_seed_makes_the_same_files(made, ct_path, tmp_path):
    make_cases.run(ct_path, tmp_path, ['hard-soft'], count=2, per_pose=3, seed=4)
    names = ['camera_0.yaml', 'truth.json', 'view_0.png']
    pair = made / 'hard-soft-000', tmp_path / 'hard-soft-000'
    assert filecmp.cmpfiles(*pair, names, shallow=False) == (names, [], [])
    assert sha256_of(tmp_path / 'hard-soft-000') != sha256_of(tmp_path / 'hard-soft-001')


def test_complete_cases_are_not_made_again(made, ct_path, tmp_path, projections):
    make_cases.run(ct_path, tmp_path, ['standard'], count=1, seed=4)
    assert len(projections) == 1
    make_cases.run(ct_path, tmp_path, ['standard'], count=2, seed=4)
    assert len(projections) == 2
    assert [path.name for path in find_cases([tmp_path])] == ['standard-000', 'standard-001']


def test_what_presets_share_is_projected_once(made, ct_path, tmp_path, projections):
    names = ['standard', 'standard-45', 'hard-far', 'hard-metal', 'hard-soft']
    make_cases.run(ct_path, tmp_path, names, count=1, per_pose=3, seed=4)
    assert len(projections) == 3
    make_cases.run(ct_path, tmp_path / 'alone', ['hard-metal'], count=1, per_pose=3, seed=4)
    for name in ('view_0.png', 'truth.json'):
        pair = [tmp_path / folder / 'hard-metal-000' / name for folder in ('.', 'alone')]
        assert filecmp.cmp(*pair, shallow=False)


@pytest.mark.parametrize('changes', [{'seed': 5}, {'per_pose': 2}, {'views': 2}])
def test_other_settings_do_not_mix_with_what_is_there(made, ct_path, changes):
    with pytest.raises(InputError, match='other settings'):
        make_cases.run(
            ct_path, made, ['standard'], **{'count': 1, 'per_pose': 3, 'seed': 4, **changes}
        )


def test_several_presets_are_made_into_one_folder(ct_path, tmp_path, projections, capsys):
    words = ['benchmark', 'make-cases', '--ct', str(ct_path), '--out', str(tmp_path)]
    words += ['--count', '1', '--seed', '4', '--preset']
    assert cli.main([*words, 'easy', '--preset', 'standard']) == 2
    assert "preset is 'easy'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir()) and not projections
    assert cli.main([*words, 'hard-far', 'hard-gap', '--preset', 'standard']) == 0
    names = ['hard-far-000', 'hard-gap-000', 'standard-000']
    assert [path.name for path in find_cases([tmp_path])] == names
    groups = [read_case(path).truth.group for path in find_cases([tmp_path])]
    assert groups == ['hard-far', 'hard-gap', 'standard']
    assert len(projections) == 3


def test_the_verb_makes_cases(ct_path, tmp_path, capsys):
    words = ['--ct', str(ct_path), '--out', str(tmp_path), '--count', '1', '--preset']
    assert cli.main(['benchmark', 'make-cases', *words, 'hard-metal', '--views', '2']) == 0
    assert len(read_case(tmp_path / 'hard-metal-000').views) == 2
    assert cli.main(['benchmark', 'make-cases', *words, 'easy']) == 2
    assert "preset is 'easy', expected one of standard" in capsys.readouterr().err
