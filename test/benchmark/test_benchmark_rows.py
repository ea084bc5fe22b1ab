"""Which methods are compared, with which weights, on which cases."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from surgical_perception.errors import InputError
from surgical_perception.geometry import se3
from xray_registration.benchmark import plan as planning
from xray_registration.benchmark.case_folder import Case
from xray_registration.benchmark.rows import COMPARED, rows
from xray_registration.benchmark.starts import StartRange
from xray_registration.benchmark.trial import TIMEOUT_S, config_of
from xray_registration.benchmark.truth import Truth
from xray_registration.learned import weights
from xray_registration.methods import METHODS
from xray_registration.presets import segmented_bone

CT, OTHER_CT = 'a' * 64, 'b' * 64


def write_weights(folder, kind, ct_sha256=CT, agnostic=False):
    card = weights.Card(kind, (ct_sha256,), agnostic, {}, {})
    weights.save(folder, {'w': torch.zeros(1)}, card)
    return folder


def truth(starts=1, ct_sha256=CT, **changes):
    return Truth(
        ct_path='ct.nii', ct_sha256=ct_sha256, group='g', views=1, sdd_mm=1020.0,
        reference_from_ct=np.eye(4), points_m=np.zeros((1, 3)),
        starts=np.stack([se3.exp(np.zeros(6))] * starts) if starts else np.empty((0, 4, 4)),
        start_range=StartRange(30, 60, 90) if starts else None, **changes,
    )  # fmt: skip


def test_every_method_can_be_compared():
    assert set(METHODS) <= set(COMPARED)
    for name, compared in COMPARED.items():
        assert compared.method in METHODS
        if name in METHODS:
            assert (compared.method, compared.kind) == (name, METHODS[name].needs)


def test_weights_of_one_kind_give_a_row_each(tmp_path):
    folders = [write_weights(tmp_path / name, 'similarity') for name in ('so4', 'se3')]
    folders.append(write_weights(tmp_path / 'net', 'regressor'))
    found, left_out = rows(['lm', 'spherical', 'regressor-lm', 'landmarks'], folders)
    names = ['lm', 'spherical[so4]', 'spherical[se3]', 'regressor-lm[net]']
    assert [row.name for row in found] == names
    assert left_out == ['landmarks is left out: no --weights of kind landmarks']
    assert len({row.weights_sha256 for row in found}) == 2  # none, and that of equal weights


def test_unknown_methods_are_refused():
    with pytest.raises(InputError, match="'lmm' is none of lm, multistart"):
        rows(['lmm'], [])


def test_what_is_no_weights_is_refused(tmp_path):
    with pytest.raises(InputError, match=r'card\.json is absent'):
        rows(['lm'], [tmp_path])


@pytest.mark.parametrize('agnostic', [False, True])
def test_weights_of_one_name_for_one_ct_are_refused(tmp_path, agnostic):
    other_ct = OTHER_CT if agnostic else CT
    folders = [
        write_weights(tmp_path / 'a/net', 'similarity', CT, agnostic),
        write_weights(tmp_path / 'b/net', 'similarity', other_ct),
    ]
    with pytest.raises(InputError, match='of one name for one CT'):
        rows(['spherical'], folders)
    assert len(rows(['spherical'], folders[:1] * 2)[0]) == 1


def test_weights_of_one_name_share_a_row_each_on_its_ct(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, 'load_network', lambda *_: None)
    folders = [
        write_weights(tmp_path / 'a/net', 'similarity', CT),
        write_weights(tmp_path / 'b/net', 'similarity', OTHER_CT),
    ]
    found, _ = rows(['spherical'], folders)
    assert [row.name for row in found] == ['spherical[net]'] * 2
    cases = {
        Path(name): Case(name, Path('ct'), [], truth(ct_sha256=ct), name)
        for name, ct in (('x', CT), ('y', OTHER_CT), ('z', 'c' * 64))
    }
    tasks, left_out = planning.plan(found, cases, dict.fromkeys('xyz', Path('ct')))
    assert {task.case: task.row.weights for task in tasks} == dict(zip('xy', folders, strict=True))
    assert left_out == ['spherical[net] is left out of g: its weights are of another CT']


def test_weights_are_for_their_ct_unless_for_any(tmp_path):
    own = write_weights(tmp_path / 'own', 'similarity')
    general = write_weights(tmp_path / 'any', 'similarity', agnostic=True)
    (first, second), _ = rows(['spherical'], [own, general])
    assert first.why_not(truth()) == second.why_not(truth(ct_sha256=OTHER_CT)) == ''
    assert 'another CT' in first.why_not(truth(ct_sha256=OTHER_CT))


def test_cases_without_starts_are_for_those_that_need_none(tmp_path):
    folders = [write_weights(tmp_path / kind, kind) for kind in ('regressor', 'similarity')]
    names = ['lm', 'multistart', 'bobyqa', 'spherical', 'regressor-lm']
    found, _ = rows(names, folders)
    runs = {row.name.partition('[')[0]: not row.why_not(truth(starts=0)) for row in found}
    assert runs == {
        'lm': True, 'multistart': False, 'bobyqa': False, 'spherical': True,
        'regressor-lm': True,
    }  # fmt: skip
    assert [row.uses_start for row in found] == [True, True, True, True, False]


def test_around_a_projection_every_method_needs_a_start(tmp_path):
    folders = [write_weights(tmp_path / kind, kind) for kind in ('regressor', 'similarity')]
    found, _ = rows(['lm', 'multistart', 'spherical', 'regressor', 'regressor-lm'], folders)
    bone, lost = (truth(n, region='projection') for n in (1, 0))
    left_out = {row.compared.method: row.why_not(bone) for row in found if row.why_not(bone)}
    assert list(left_out) == ['regressor']
    assert 'given no start' in left_out['regressor']
    assert [row.name for row in found if not row.why_not(lost)] == ['regressor-lm[regressor]']
    assert 'the case has none' in found[0].why_not(lost)


def test_a_segmented_bone_is_registered_by_its_preset():
    (lm, multistart), _ = rows(['lm', 'multistart'], [])
    bone, preset = truth(region='projection'), segmented_bone()
    config = config_of(lm, bone)
    assert config == replace(
        preset,
        init='start',
        gate=replace(preset.gate, advise=False),
        masks=replace(preset.masks, automatic=True),
        timeout_s=TIMEOUT_S,
    )
    assert config.region.kind == 'projection' and not config.gate.test_mirrored
    assert not config_of(lm, truth(region='projection', automatic_masks=False)).masks.automatic
    box = config_of(multistart, bone).multistart
    assert box == replace(preset.multistart, rotation_deg=30, in_plane_mm=60, depth_mm=90)


def test_multistart_searches_the_range_of_the_starts():
    (lm, multistart), _ = rows(['lm', 'multistart'], [])
    box = config_of(multistart, truth()).multistart
    assert (box.rotation_deg, box.in_plane_mm, box.depth_mm) == (30, 60, 90)
    assert config_of(multistart, truth()).init == 'multistart'
    assert config_of(lm, truth()).init == 'start'


def test_a_case_may_forbid_automatic_masks():
    (lm,), _ = rows(['lm'], [])
    assert config_of(lm, truth()).masks.automatic
    assert not config_of(lm, truth(automatic_masks=False)).masks.automatic
    gate = config_of(lm, truth()).gate
    assert not gate.test_mirrored and not gate.advise
