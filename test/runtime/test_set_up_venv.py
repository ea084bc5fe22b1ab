"""The set-up's venv, torch, links and lock."""

import threading
from pathlib import Path

import pytest
from scripts import program

from surgical_perception.runtime.set_up import torch_wheels
from surgical_perception.runtime.set_up.failure import SetUpError
from surgical_perception.runtime.set_up.links import MARKER, make_links
from surgical_perception.runtime.set_up.lock import exclusive
from surgical_perception.runtime.set_up.requirements import read_executables, read_requirements
from surgical_perception.runtime.set_up.venv import Venv, clean_environment

CHECKOUT = Path(__file__).resolve().parents[2]
SILENT = print


class TestVenv:
    @pytest.fixture
    def venv(self, tmp_path):
        venv = Venv(tmp_path / '.venv')
        venv.notes.mkdir(parents=True)
        return venv

    def test_a_failure_carries_the_program_s_own_reason(self, venv, tmp_path):
        failing = program(
            tmp_path / 'pip', 'echo Collecting x; echo "ERROR: No space left" >&2; echo; exit 1'
        )
        with pytest.raises(SetUpError, match=r'cannot: ERROR: No space left .*log\.txt'):
            venv.run([failing], 'cannot')
        assert 'Collecting x' in venv.log.read_text()

    def test_the_last_line_is_returned(self, venv, tmp_path):
        assert venv.run([program(tmp_path / 'p', 'echo a; echo b')], 'cannot') == 'b'

    def test_packages_without_a_record_are_forgotten(self, venv):
        site = venv.path / 'lib/python3.11/site-packages'
        for name in ('whole-1.dist-info', 'half-1.dist-info'):
            (site / name).mkdir(parents=True)
        (site / 'whole-1.dist-info' / 'RECORD').touch()
        venv.remove_half_installed()
        assert [path.name for path in site.iterdir()] == ['whole-1.dist-info']

    def test_nothing_of_another_python_is_passed_on(self):
        assert clean_environment({'PYTHONPATH': '/x', 'HOME': '/h'}) == {'HOME': '/h'}
        ours = {'LD_LIBRARY_PATH': '/mine'}
        assert clean_environment(ours) == ours
        assert clean_environment({**ours, '_ROS_WHEELS_BOOTSTRAP_COMPLETE': '1'}) == {}


class TestTorch:
    def install(self, monkeypatch, variant, answers, fails=False):
        calls = []

        class FakeVenv:
            def pip_install(self, words, progress):
                calls.append(words)
                if fails and '--index-url' in words:
                    raise SetUpError('refused')

        class FakeProgress:
            def say(self, text):
                calls.append(text)

        monkeypatch.setattr(torch_wheels, '_answers', lambda url: answers)
        requirements = read_requirements(CHECKOUT)
        torch_wheels.install_torch(FakeVenv(), requirements, variant, FakeProgress())
        return calls

    def test_cpu(self, monkeypatch):
        ((option, index, *words),) = self.install(monkeypatch, 'cpu', answers=True)
        assert (option, index) == ('--index-url', torch_wheels.CPU_INDEX)
        assert words == ['torch==2.13.0', 'torchvision']

    def test_cuda_and_an_index_that_does_not_answer_take_what_pip_finds(self, monkeypatch):
        for variant, answers in (('cuda', True), ('cpu', False)):
            assert self.install(monkeypatch, variant, answers) == [
                ['torch==2.13.0', 'torchvision']
            ]

    def test_an_index_that_answers_but_fails_is_reported(self, monkeypatch):
        _, said, last = self.install(monkeypatch, 'cpu', answers=True, fails=True)
        assert 'refused' in said and last == ['torch==2.13.0', 'torchvision']

    def test_an_index_that_cannot_be_reached_is_given_up_soon(self):
        assert not torch_wheels._answers('http://127.0.0.1:9')


class TestLinks:
    @pytest.fixture
    def checkout(self, tmp_path):
        folder = tmp_path / 'checkout'
        (folder / 'launch').mkdir(parents=True)
        (folder / 'package.xml').touch()
        return folder

    def test_files_are_found_through_the_prefix_and_follow_the_checkout(self, checkout):
        prefix = checkout / '.venv'
        make_links(checkout, prefix, ['a_node'])
        (checkout / 'launch' / 'new.launch.xml').write_text('new')
        share = prefix / 'share/surgical_perception'
        assert (share / 'launch' / 'new.launch.xml').read_text() == 'new'
        assert (share / 'package.xml').is_file()
        assert (prefix / MARKER).is_file()
        program = prefix / 'lib/surgical_perception/a_node'
        assert program.resolve() == prefix / 'bin/a_node'

    def test_again_after_the_checkout_has_changed(self, checkout):
        prefix = checkout / '.venv'
        make_links(checkout, prefix, ['old', 'kept'])
        (checkout / 'config').mkdir()
        make_links(checkout, prefix, ['kept'])
        assert (prefix / 'share/surgical_perception/config').is_dir()
        assert [p.name for p in (prefix / 'lib/surgical_perception').iterdir()] == ['kept']


def test_only_one_set_up_at_a_time(tmp_path):
    order = []
    waiting = threading.Event()

    def second():
        with exclusive(tmp_path / 'lock', lambda text: waiting.set()):
            order.append('second')

    with exclusive(tmp_path / 'lock', SILENT):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(60), 'the second one says that it waits'
        order.append('first')
    thread.join(60)
    assert order == ['first', 'second']


def test_setup_cfg_is_read():
    requirements = read_requirements(CHECKOUT)
    assert requirements.named('torch') == 'torch == 2.13.0'
    assert 'pytest' in requirements.of(['test'])
    assert 'xray_registration_node' in read_executables(CHECKOUT)
