import json
import pickle

import pytest
import torch

from surgical_perception.errors import InputError
from surgical_perception.evaluation.results import sha256_of
from xray_registration.learned import weights
from xray_registration.learned.weights import Card

CT, OTHER = 'a' * 64, 'b' * 64


def card(**changes):
    values = {
        'kind': 'similarity',
        'ct_sha256': (CT,),
        'agnostic': False,
        'config': {'channels': 16},
        'pose_range': {'rotation_deg': 45.0},
    }
    return Card(**{**values, **changes})


@pytest.fixture
def tensors():
    return {'stem.weight': torch.rand(2, 3), 'stem.bias': torch.zeros(2)}


@pytest.fixture
def folder(tmp_path, tensors):
    weights.save(tmp_path, tensors, card())
    return tmp_path


def test_what_is_saved_comes_back(folder, tensors):
    found, read = weights.load(folder, 'similarity', CT)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == torch.float16
        torch.testing.assert_close(found[name].float(), tensor, rtol=2**-11, atol=0)
    assert (read.config, read.pose_range) == (card().config, card().pose_range)
    assert sorted(p.name for p in folder.iterdir()) == ['card.json', 'weights.safetensors']


def test_the_network_of_another_patient_is_refused_in_one_sentence(folder):
    with pytest.raises(InputError) as caught:
        weights.load(folder, 'similarity', OTHER)
    assert 'trained for another CT' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_weights_for_any_patient_take_every_ct(tmp_path, tensors):
    weights.save(tmp_path, tensors, card(agnostic=True))
    weights.load(tmp_path, 'similarity', OTHER)


def test_another_kind_is_refused(folder):
    with pytest.raises(InputError, match="'similarity', not 'regressor'"):
        weights.load(folder, 'regressor', CT)


def damage(folder):
    path = folder / weights.WEIGHTS
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def forge(folder):
    """Put a pickle in place of the weights, and its hash into the card."""
    path = folder / weights.WEIGHTS
    path.write_bytes(pickle.dumps({'stem.weight': 1}))
    values = json.loads((folder / weights.CARD).read_text())
    values['weights_sha256'] = sha256_of(path)
    (folder / weights.CARD).write_text(json.dumps(values))


@pytest.mark.parametrize(
    'harm, reason',
    [
        (damage, 'not what its card describes'),
        (forge, 'cannot be read'),
        (lambda f: (f / weights.WEIGHTS).unlink(), 'weights.safetensors is absent'),
        (lambda f: (f / weights.CARD).unlink(), 'card.json is absent'),
        (lambda f: (f / weights.CARD).write_text('{'), 'not a card'),
        (lambda f: (f / weights.CARD).write_text('[]'), 'not a card'),
        (lambda f: (f / weights.CARD).write_text('{"format": 2}'), 'this version reads 1'),
        (lambda f: (f / weights.CARD).write_text('{"format": 1}'), 'not a card'),
        (lambda f: (f / weights.CARD).write_bytes(b' ' * (2 << 20)), 'too large'),
    ],
)
def test_what_is_damaged_or_absent_is_refused_by_name(folder, harm, reason):
    harm(folder)
    with pytest.raises(InputError, match=reason):
        weights.load(folder, 'similarity', CT)
