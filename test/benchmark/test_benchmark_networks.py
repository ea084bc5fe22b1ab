"""A trained method is benchmarked with its weights, and not with damaged ones."""

import pytest

from surgical_perception.errors import InputError
from xray_registration.benchmark.records import read_records
from xray_registration.benchmark.run import run
from xray_registration.learned import weights
from xray_registration.learned.encoder import EncoderConfig
from xray_registration.learned.network import (
    SimilarityNetwork,
    SimilarityNetworkConfig,
    config_for_card,
)
from xray_registration.volume.loader import load_ct


def test_networks_are_loaded_and_named(cases, ct_path, tmp_path):
    folder, case = tmp_path / 'tiny', cases / 'standard-000'
    config = SimilarityNetworkConfig(EncoderConfig(4, (6, 8, 8, 8), 1, 6))
    card = weights.Card(
        'similarity', (load_ct(ct_path).sha256,), False, config_for_card(config), {}
    )
    weights.save(folder, SimilarityNetwork(config).state_dict(), card)
    assert run(['spherical'], [case], tmp_path / 'out', [folder])
    found = read_records(tmp_path / 'out').values()
    assert [(r.method, r.start, r.error) for r in found] == [
        ('spherical[tiny]', 0, ''),
        ('spherical[tiny]', 1, ''),
    ]
    (folder / 'weights.safetensors').write_bytes(b'damaged')
    with pytest.raises(InputError, match='not what its card describes'):
        run(['spherical'], [case], tmp_path / 'more', [folder])
