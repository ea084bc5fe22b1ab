"""Result files: units, provenance and links."""

import json
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pytest

from surgical_perception.errors import InputError
from surgical_perception.evaluation import results
from surgical_perception.evaluation.results import Metric


class Verdict(Enum):
    OK = 'fine'


@dataclass(frozen=True)
class Config:
    size: int = 64
    levels: tuple = (1, 2)
    verdict: Verdict = Verdict.OK


def read_strictly(path):
    """Read JSON, refusing the NaN and Infinity that are none."""

    def refuse(name):
        raise AssertionError(f'{name} is no JSON')

    return json.loads(path.read_text(), parse_constant=refuse)


def test_result_holds_units_config_hashes_versions_device_and_seed(tmp_path):
    (tmp_path / 'ct.bin').write_bytes(b'abc')
    path = results.write_result(
        tmp_path,
        {'mtre': Metric(np.float32(0.25), 'mm', 'mean')},
        config=Config(),
        inputs={'ct': tmp_path / 'ct.bin'},
        seed=7,
        extra={'cases': [{'pose': np.eye(2), 'error_mm': np.inf}]},
    )
    result = read_strictly(path)
    assert result['metrics']['mtre'] == {'value': 0.25, 'unit': 'mm', 'text': 'mean'}
    assert result['config'] == {'size': 64, 'levels': [1, 2], 'verdict': 'OK'}
    # FIPS 180-2, appendix B.1
    assert result['inputs']['ct']['sha256'].startswith('ba7816bf8f01cfea414140de5dae2223')
    assert result['seed'] == 7
    assert result['versions']['numpy'] == np.__version__
    assert result['device']['cores'] >= 1
    assert result['cases'] == [{'pose': [[1, 0], [0, 1]], 'error_mm': None}]


def test_hash_of_a_folder_covers_every_file(tmp_path):
    (tmp_path / 'sub').mkdir()
    (tmp_path / 'a').write_bytes(b'1')
    (tmp_path / 'sub' / 'b').write_bytes(b'2')
    before = results.sha256_of(tmp_path)
    (tmp_path / 'sub' / 'b').write_bytes(b'3')
    assert results.sha256_of(tmp_path) != before
    with pytest.raises(InputError, match='cannot be read'):
        results.sha256_of(tmp_path / 'missing')


def test_latest_follows_the_newest_run(tmp_path):
    first, second = results.new_run(tmp_path), results.new_run(tmp_path)
    assert first != second
    results.link_latest(first)
    link = results.link_latest(second)
    assert link.is_symlink()
    assert link.resolve() == second.resolve()
    assert sorted(x.name for x in tmp_path.iterdir()) == sorted(
        [first.name, second.name, 'latest']
    )


def test_a_real_folder_named_latest_is_never_replaced(tmp_path):
    (tmp_path / 'latest').mkdir()
    with pytest.raises(InputError, match='is no link'):
        results.link_latest(results.new_run(tmp_path))


def test_results_in_a_file_are_refused(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='cannot be written'):
        results.new_run(tmp_path / 'file')
