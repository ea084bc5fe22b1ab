"""Providers by name, and those of other packages."""

import configparser
from importlib import metadata
from pathlib import Path

import pytest
from warped_clip import WarpedClip

from surg_invnerf.correspondence import registry
from surg_invnerf.correspondence.dis import Dis
from surg_invnerf.correspondence.provider import Provider
from surg_invnerf.stereo.matching import SgbmDis
from surgical_perception.errors import InputError

SETUP = Path(__file__).resolve().parents[2] / 'setup.cfg'


@pytest.mark.parametrize('group', [registry.CORRESPONDENCE, registry.STEREO])
def test_setup_cfg_names_the_same_classes(group):
    parser = configparser.ConfigParser()
    parser.read(SETUP)
    lines = parser['options.entry_points'][group].strip().splitlines()
    assert dict(line.replace(' ', '').split('=') for line in lines) == registry.BUILT_IN[group]


def test_a_stereo_matcher_is_made_for_its_camera():
    camera = WarpedClip(1).observations().camera
    assert isinstance(registry.make_stereo('sgbm_dis', camera), SgbmDis)
    with pytest.raises(InputError, match=r"stereo 'torchscript'.*weights"):
        registry.make_stereo('torchscript', camera)


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
    point = metadata.EntryPoint('mine', f'{__name__}:Plugin', registry.CORRESPONDENCE)
    monkeypatch.setattr(
        registry, 'entry_points', lambda **wanted: metadata.EntryPoints([point]).select(**wanted)
    )
    assert registry.names() == [*registry.BUILT_IN[registry.CORRESPONDENCE], 'mine']
    assert registry.make('mine', answer=42).answer == 42
