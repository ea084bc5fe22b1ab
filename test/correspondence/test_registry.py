"""Providers by name, and those of other packages."""

import configparser
from importlib import metadata
from pathlib import Path

import pytest

from surg_invnerf.correspondence import registry
from surg_invnerf.correspondence.dis import Dis
from surg_invnerf.correspondence.provider import Provider
from surgical_perception.errors import InputError

SETUP = Path(__file__).resolve().parents[2] / 'setup.cfg'


def test_setup_cfg_names_the_same_providers():
    parser = configparser.ConfigParser()
    parser.read(SETUP)
    lines = parser['options.entry_points'][registry.GROUP].strip().splitlines()
    assert dict(line.replace(' ', '').split('=') for line in lines) == registry.BUILT_IN


def test_dis_is_made_with_its_options():
    provider = registry.make('dis', initialise=True)
    assert isinstance(provider, Dis)
    assert provider.uses_initial


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match="'farneback' is unknown: use one of dis, precomputed"):
        registry.make('farneback')


def test_an_unknown_option_is_refused():
    with pytest.raises(InputError, match=r"'preset'.*clahe"):
        registry.make('dis', preset='fast')


def test_a_missing_option_is_refused():
    with pytest.raises(InputError, match=r"'torchscript'.*weights"):
        registry.make('torchscript')


class Plugin(Provider):
    """What another package might bring."""

    def __init__(self, answer=1):
        self.answer = answer

    def match(self, source, target, initial=None):
        """Match nothing."""


def test_plugins_of_other_packages_are_found(monkeypatch):
    point = metadata.EntryPoint('mine', f'{__name__}:Plugin', registry.GROUP)
    monkeypatch.setattr(
        registry, 'entry_points', lambda **wanted: metadata.EntryPoints([point]).select(**wanted)
    )
    assert registry.names() == [*registry.BUILT_IN, 'mine']
    assert registry.make('mine', answer=42).answer == 42
