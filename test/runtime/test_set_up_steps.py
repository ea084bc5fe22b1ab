"""The set-up's steps, with fakes for everything that downloads or installs."""

from pathlib import Path

import pytest

from surgical_perception.runtime.set_up import machine, steps, torch_wheels
from surgical_perception.runtime.set_up.failure import SetUpError
from surgical_perception.runtime.set_up.links import MARKER
from surgical_perception.runtime.set_up.stamp import Stamp
from surgical_perception.runtime.set_up.steps import Step, perform
from surgical_perception.runtime.set_up.venv import Venv

CHECKOUT = Path(__file__).resolve().parents[2]
INPUTS = {'venv': 1, 'torch': 1, 'tf2_msgs': 1, 'links': 1}


class TestSteps:
    """Steps are done once, again after a change, and after an interruption from there."""

    @pytest.fixture(autouse=True)
    def any_machine(self, monkeypatch):
        monkeypatch.setattr(machine, 'check_architecture', lambda: None)
        monkeypatch.setattr(machine, 'check_disk', lambda folder, variant: None)

    def run(self, folder: Path, inputs: dict, fails: str = '') -> list[str]:
        """Perform steps named after `inputs`; return what was done, up to the one that fails."""
        done = []

        def doing(name):
            def do(progress):
                if name == fails:
                    raise KeyboardInterrupt
                done.append(name)

            return do

        stamp = Stamp.load(folder / 'stamp.json')
        todo = [Step(name, name, value, doing(name)) for name, value in inputs.items()]
        try:
            perform(todo, stamp, {'test'}, folder, 'cpu')
        except KeyboardInterrupt:
            assert fails
        return done

    def test_once(self, tmp_path):
        assert self.run(tmp_path, INPUTS) == list(INPUTS)
        assert self.run(tmp_path, INPUTS) == []

    def test_a_change_repeats_its_step_and_those_behind(self, tmp_path):
        self.run(tmp_path, INPUTS)
        assert self.run(tmp_path, INPUTS | {'tf2_msgs': 2}) == ['tf2_msgs', 'links']

    def test_an_interruption_is_made_good(self, tmp_path):
        assert self.run(tmp_path, INPUTS, fails='tf2_msgs') == ['venv', 'torch']
        assert self.run(tmp_path, INPUTS) == ['tf2_msgs', 'links']
        assert self.run(tmp_path, INPUTS) == []

    def test_an_interrupted_repetition_does_not_count_as_done(self, tmp_path):
        self.run(tmp_path, INPUTS)
        self.run(tmp_path, INPUTS | {'torch': 2}, fails='torch')
        assert self.run(tmp_path, INPUTS) == ['torch', 'tf2_msgs', 'links']

    def test_a_broken_stamp_means_that_nothing_is_done(self, tmp_path):
        self.run(tmp_path, INPUTS)
        (tmp_path / 'stamp.json').write_text('{"done":')
        assert self.run(tmp_path, INPUTS) == list(INPUTS)

    def test_extras_add_up(self, tmp_path):
        self.run(tmp_path, INPUTS)
        assert Stamp.load(tmp_path / 'stamp.json').extras == {'test'}


class TestWholeSetUp:
    """`set_up` on a copy of the checkout, with a venv but without downloads."""

    @pytest.fixture
    def checkout(self, tmp_path, monkeypatch):
        folder = tmp_path / 'checkout'
        (folder / 'surgical_perception').mkdir(parents=True)
        for name in ('setup.cfg', 'setup.py', 'package.xml', 'surgical_perception/runtime'):
            (folder / name).symlink_to(CHECKOUT / name)
        monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
        monkeypatch.delenv('ROS_DISTRO', raising=False)
        monkeypatch.setattr(machine, 'check_disk', lambda folder, variant: None)
        monkeypatch.setattr(steps, 'torch_variant', lambda: 'cpu')
        monkeypatch.setattr(steps, 'system_packages', lambda interpreter: [])
        self.commands = []

        def run(venv, command, failure, progress=None):
            self.commands.append(command)
            if command[1:3] == ['-m', 'venv']:
                venv.python.parent.mkdir(parents=True)
                venv.python.touch()
            return 'CPU'

        monkeypatch.setattr(Venv, 'run', run)
        monkeypatch.setattr(torch_wheels, '_answers', lambda url: True)
        return folder

    def test_from_nothing(self, checkout):
        steps.set_up(checkout, ['test'])
        pip = [command[6:] for command in self.commands if 'pip' in command]
        assert pip == [
            ['--index-url', torch_wheels.CPU_INDEX, 'torch==2.13.0', 'torchvision'],
            ['-e', f'{checkout}[ros-wheels,test]'],
        ]
        assert (checkout / '.venv' / MARKER).is_file()

    def test_again_runs_nothing(self, checkout):
        steps.set_up(checkout)
        self.commands.clear()
        steps.set_up(checkout)
        assert self.commands == []

    def test_extras_stay_when_they_are_not_asked_for_again(self, checkout):
        steps.set_up(checkout, ['test'])
        self.commands.clear()
        steps.set_up(checkout)
        assert self.commands == []

    def test_a_venv_whose_python_is_gone_is_made_anew(self, checkout):
        steps.set_up(checkout)
        (checkout / '.venv/bin/python').unlink()
        self.commands.clear()
        steps.set_up(checkout)
        assert self.commands[0][1:3] == ['-m', 'venv']

    def test_a_venv_of_somebody_else_is_left_alone(self, checkout):
        (checkout / '.venv/bin').mkdir(parents=True)
        with pytest.raises(SetUpError, match='was not made by this set-up'):
            steps.set_up(checkout)
        assert (checkout / '.venv/bin').is_dir()
