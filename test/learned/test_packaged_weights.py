"""The weights that come with the package: for the CT of the demo, and small."""

import pytest

from surgical_perception.errors import InputError
from xray_registration.assembly import load_network
from xray_registration.demo.learned import REGRESSOR, SIMILARITY
from xray_registration.demo.scene import example_ct
from xray_registration.learned.weights import read_card
from xray_registration.volume.loader import load_ct

FOLDERS = {'similarity': SIMILARITY, 'regressor': REGRESSOR}


def test_they_load_for_the_ct_of_the_demo_and_for_no_other():
    sha256 = load_ct(example_ct()).sha256
    for kind, folder in FOLDERS.items():
        assert load_network(kind, folder, sha256)
        assert read_card(folder).training['seconds'] > 0
        with pytest.raises(InputError, match='trained for another CT'):
            load_network(kind, folder, '0' * 64)


def test_they_are_small():
    files = [path for folder in FOLDERS.values() for path in folder.iterdir()]
    assert sum(path.stat().st_size for path in files) < 10e6
