"""Sessions: what is saved comes back, and files that are none are refused by name."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest
import torch
from analytic_tissue import CAMERA
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from surg_invnerf.model.config import ModelConfig
from surg_invnerf.model.tissue import TissueModel
from surg_invnerf.model.workspace import Workspace
from surg_invnerf.session import load, save
from surgical_perception.errors import InputError
from surgical_perception.geometry import se3

CONFIG = ModelConfig(
    resolutions=(4,), time_strides=(1,), hidden=(8,), rounds=1, field_resolutions=(4,)
)
POINTS = np.array([[0.1, -0.2, 0.3], [0.0, 0.5, -0.9]], np.float32)
SIGMA_M = np.array([1e-4, 2e-4], np.float32)
IDS = np.array([7, 3])


def make_model():
    """Return a small model of frames 0, 2, 3 whose mapping is not the identity."""
    poses = {frame: se3.exp([1e-3 * frame, 0, 0, 0, 0.01 * frame, 0]) for frame in (0, 2, 3)}
    workspace = Workspace(np.array([0, 0, 0.06]), np.array([0.02, 0.02, 0.01]))
    torch.manual_seed(0)
    model = TissueModel(CONFIG, CAMERA, workspace, poses, estimated_poses=True)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
    """Return the path of a saved session."""
    path = tmp_path_factory.mktemp('session') / 'session.npz'
    save(path, make_model(), POINTS, SIGMA_M, IDS, 11)
    return path


def rewritten(saved, tmp_path, **changes):
    """Return the path of a copy with other arrays; None leaves one out."""
    with np.load(saved, allow_pickle=False) as archive:
        arrays = {**archive, **changes}
    path = tmp_path / 'changed.npz'
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def test_a_session_comes_back_with_its_model_points_and_ids(saved):
    loaded, model = load(saved), make_model()
    assert loaded.model.frames == [0, 2, 3]
    assert loaded.model.camera == CAMERA
    np.testing.assert_array_equal(loaded.canonical, POINTS)
    np.testing.assert_array_equal(loaded.sigma_m, SIGMA_M)
    np.testing.assert_array_equal(loaded.ids, IDS)
    assert loaded.next_id == 11
    frames = torch.tensor([0, 3])
    points = torch.tensor(POINTS)
    with torch.no_grad():
        expected = model.world_from_canonical(points, frames)
        assert (expected - points).abs().max() > 1e-3
        torch.testing.assert_close(loaded.model.world_from_canonical(points, frames), expected)
        torch.testing.assert_close(loaded.model.poses([2, 3]), model.poses([2, 3]))


def test_a_session_without_points_comes_back(tmp_path):
    path = tmp_path / 'empty.npz'
    save(path, make_model(), np.empty((0, 3)), np.empty(0), np.empty(0), 5)
    loaded = load(path)
    assert loaded.canonical.shape == (0, 3)
    assert loaded.next_id == 5


def test_saving_again_replaces_the_file_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / 'session.npz'
    for next_id in (11, 12):
        save(path, make_model(), POINTS, SIGMA_M, IDS, next_id)
    assert load(path).next_id == 12
    assert list(tmp_path.iterdir()) == [path]


def test_ids_that_could_be_used_twice_are_not_saved(tmp_path):
    path = tmp_path / 'session.npz'
    with pytest.raises(InputError, match='3 to 7, expected 0 to less than the next one, 7'):
        save(path, make_model(), POINTS, SIGMA_M, IDS, 7)
    with pytest.raises(InputError, match='used twice'):
        save(path, make_model(), POINTS, SIGMA_M, [3, 3], 11)
    assert not path.exists()


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'format': np.array(99)}, 'format 99'),
        ({'format': None}, 'format is missing'),
        ({'ids': None}, 'ids is missing or of another type'),
        ({'ids': IDS.astype(float)}, 'ids is missing or of another type'),
        ({'ids': np.array([1, 1])}, 'used twice'),
        ({'ids': np.array([-1, 1])}, 'from -1 to 1'),
        ({'next_id': np.array(7)}, 'less than the next one, 7'),
        ({'canonical': POINTS[:1]}, '2 ids, but canonical points'),
        ({'canonical': POINTS * np.nan}, 'canonical holds NaN'),
        ({'sigma_m': -SIGMA_M}, 'negative standard deviation'),
        ({'model/header': None}, 'no saved model'),
        ({'model/header': np.array('{')}, 'no saved model'),
        ({'model/header': np.array('[]')}, 'no saved model'),
        ({'model/header': np.array('{"format": 2}')}, 'format 2'),
        ({'model/poses': np.zeros((1, 4, 4))}, 'no saved model'),
        ({'model/centre_m': np.full(3, np.inf)}, 'model/centre_m holds NaN or infinity'),
    ],
)
def test_contradictions_are_refused_by_name(saved, tmp_path, changes, message):
    path = rewritten(saved, tmp_path, **changes)
    with pytest.raises(InputError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_a_model_that_announces_more_than_it_holds_is_refused(saved, tmp_path):
    with np.load(saved) as archive:
        header = json.loads(str(archive['model/header']))
    for change in ({'resolutions': [200_000]}, {'hidden': [8, 8]}, {'unknown': 1}):
        forged = {**header, 'config': {**header['config'], **change}}
        path = rewritten(saved, tmp_path, **{'model/header': np.array(json.dumps(forged))})
        with pytest.raises(InputError, match='no saved model'):
            load(path)


def test_pickles_are_never_executed(saved, tmp_path):
    class Bomb:
        def __reduce__(self):
            return exec, ('raise SystemExit("the pickle ran")',)

    path = rewritten(saved, tmp_path, ids=np.array([Bomb()], dtype=object))
    with pytest.raises(InputError, match='pickled objects, which are not read'):
        load(path)
    path.write_bytes(pickle.dumps(1))
    with pytest.raises(InputError, match=r'changed\.npz: cannot be read'):
        load(path)


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path):
    for path in (tmp_path / 'absent.npz', tmp_path):
        with pytest.raises(InputError, match='cannot be read') as caught:
            load(path)
        assert str(path) in str(caught.value)


def with_member(saved, tmp_path, data):
    """Return a copy of the session in which `ids` has these bytes."""
    path = tmp_path / 'forged.npz'
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(path, 'w', 8) as target:
        for name in source.namelist():
            target.writestr(name, data if name == 'ids.npy' else source.read(name))
    return path


def test_arrays_that_are_not_as_long_as_they_say_are_refused_before_memory_is_taken(
    saved, tmp_path
):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {'descr': '<i8', 'fortran_order': False, 'shape': (1 << 40,)}
    )
    for data in (buffer.getvalue(), buffer.getvalue() + b'12345678', b'\x93NUMPY\x09\x00', b''):
        with pytest.raises(InputError, match=r'cannot be read as \.npz'):
            load(with_member(saved, tmp_path, data))


def test_a_file_that_unpacks_to_too_much_is_refused(saved, tmp_path, monkeypatch):
    monkeypatch.setattr('surg_invnerf.npz_file._MAX_BYTES', 1000)
    with pytest.raises(InputError, match='more than 1000'):
        load(saved)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_truncated_and_altered_files_are_refused_or_read_as_they_were(saved, tmp_path, data):
    whole = saved.read_bytes()
    path = tmp_path / 'damaged.npz'
    if data.draw(st.booleans()):
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    else:
        place = data.draw(st.integers(0, len(whole) - 1))
        altered = bytearray(whole)
        altered[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(bytes(altered))
    try:
        loaded = load(path)
    except InputError as error:
        assert str(path) in str(error)
    else:
        np.testing.assert_array_equal(loaded.ids, IDS)
