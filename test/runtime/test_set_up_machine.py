"""What the set-up finds on a machine, and the one sentence for each thing that is not there."""

import subprocess
import sys

import pytest
from scripts import program

from surgical_perception.runtime.set_up import debian, gpu, interpreters, machine
from surgical_perception.runtime.set_up.debian import SystemPackage, ensure
from surgical_perception.runtime.set_up.failure import SetUpError
from surgical_perception.runtime.set_up.interpreters import Interpreter, find_interpreter, probe

SILENT = print


class TestMachine:
    def test_a_sourced_ros_install_is_named(self, tmp_path):
        for environ in ({'ROS_DISTRO': 'jazzy'}, {'AMENT_PREFIX_PATH': '/opt/ros/jazzy'}):
            with pytest.raises(SetUpError, match=r'jazzy.*colcon build'):
                machine.check_no_ros(tmp_path, environ)
        machine.check_no_ros(tmp_path, {'AMENT_PREFIX_PATH': str(tmp_path)})

    @pytest.mark.parametrize(
        ('system', 'processor', 'library', 'reason'),
        [
            ('Linux', 'aarch64', ('glibc', '2.36'), 'this is Linux on aarch64'),
            ('Darwin', 'arm64', ('', ''), 'this is Darwin on arm64'),
            ('Linux', 'x86_64', ('glibc', '2.27'), 'this machine has glibc 2.27'),
            ('Linux', 'x86_64', ('', ''), 'another C library'),
        ],
    )
    def test_other_architectures_are_named(self, monkeypatch, system, processor, library, reason):
        monkeypatch.setattr('platform.system', lambda: system)
        monkeypatch.setattr('platform.machine', lambda: processor)
        monkeypatch.setattr('platform.libc_ver', lambda: library)
        with pytest.raises(SetUpError, match=reason):
            machine.check_architecture()

    def test_a_full_disk_is_named(self, tmp_path, monkeypatch):
        monkeypatch.setattr(machine, 'NEEDED_GB', {'cpu': 1e9})
        with pytest.raises(SetUpError, match='are free: make room'):
            machine.check_disk(tmp_path, 'cpu')

    def test_a_gpu_is_seen_by_its_driver(self, tmp_path, monkeypatch):
        monkeypatch.setattr('shutil.which', lambda name: None)
        assert gpu.torch_variant(tmp_path) == 'cpu'
        (tmp_path / '0000:01:00.0').mkdir()
        assert gpu.torch_variant(tmp_path) == 'cuda'

    def test_a_gpu_is_seen_by_nvidia_smi(self, tmp_path, monkeypatch):
        monkeypatch.setenv('PATH', str(tmp_path))
        smi = tmp_path / 'nvidia-smi'
        program(smi, 'echo "GPU 0: NVIDIA RTX A4000"')
        assert gpu.torch_variant(tmp_path / 'none') == 'cuda'
        program(smi, 'echo "no devices were found"; exit 9')
        assert gpu.torch_variant(tmp_path / 'none') == 'cpu'


class TestInterpreters:
    def test_this_python_is_read(self):
        found = probe(sys.executable)
        assert found.version == sys.version_info[:2]
        assert subprocess.check_output([found.path, '-c', 'print(1)']) == b'1\n'

    def test_a_shim_that_does_not_run_is_passed_over(self, tmp_path):
        assert probe(program(tmp_path / 'python3.12', 'echo not installed; exit 127')) is None
        assert probe(str(tmp_path / 'none')) is None

    @pytest.mark.parametrize(
        ('available', 'expected'),
        [
            ({'python': (3, 11), 'python3.13': (3, 13)}, (3, 11)),
            ({'python': (3, 14), 'python3.12': (3, 12), 'python3.10': (3, 10)}, (3, 12)),
            ({'python': (3, 9), 'python3.10': (3, 10)}, (3, 10)),
        ],
    )
    def test_the_running_python_comes_first_and_then_the_newest(
        self, monkeypatch, available, expected
    ):
        pythons = {name: Interpreter(name, version) for name, version in available.items()}
        monkeypatch.setattr(interpreters, 'probe', pythons.get)
        monkeypatch.setattr(interpreters.sys, 'executable', 'python')
        monkeypatch.setattr('shutil.which', lambda name: name if name in pythons else None)
        assert find_interpreter().version == expected

    def test_none_that_suits(self, monkeypatch):
        monkeypatch.setattr(interpreters, 'probe', lambda path: Interpreter(path, (3, 14)))
        with pytest.raises(SetUpError, match=r'3\.10 to 3\.13 is needed and PATH has 3\.14:'):
            find_interpreter()


class TestDebianPackages:
    def package(self, name, there, required=True):
        return SystemPackage(name, f'use {name}', there, required)

    def test_nothing_missing(self, monkeypatch):
        monkeypatch.setattr(debian, '_become_root', lambda: pytest.fail('not needed'))
        ensure([self.package('g++', lambda: True)], SILENT)

    def test_what_the_user_may_not_install_is_named_in_one_sentence(self, monkeypatch):
        monkeypatch.setattr(debian, '_become_root', lambda: None)
        missing = [self.package(name, lambda: False) for name in ('g++', 'python3.11-dev')]
        with pytest.raises(SetUpError, match=r'sudo apt-get install g\+\+ python3\.11-dev'):
            ensure(missing, SILENT)

    def test_what_is_only_wanted_is_named_and_does_not_stop(self, monkeypatch):
        monkeypatch.setattr(debian, '_become_root', lambda: None)
        said = []
        ensure([self.package('libusb-1.0-0', lambda: False, required=False)], said.append)
        assert len(said) == 1 and 'libusb-1.0-0' in said[0]

    def test_what_the_user_may_install_is_installed(self, monkeypatch, tmp_path):
        monkeypatch.setattr(debian, '_become_root', list)
        installed = tmp_path / 'installed'
        program(tmp_path / 'apt-get', f'echo "$@" > {installed}')
        monkeypatch.setenv('PATH', f'{tmp_path}:/usr/bin:/bin')
        ensure([self.package('g++', installed.exists)], SILENT)
        assert installed.read_text().split()[-2:] == ['install', 'g++']

    def test_an_unknown_name_does_not_keep_back_the_others(self, monkeypatch, tmp_path):
        monkeypatch.setattr(debian, '_become_root', list)
        program(
            tmp_path / 'apt-get',
            f'case "$*" in *odd*) exit 100;; *g++*) touch {tmp_path}/g++;; esac',
        )
        monkeypatch.setenv('PATH', f'{tmp_path}:/usr/bin:/bin')
        packages = [
            self.package('g++', (tmp_path / 'g++').exists),
            self.package('odd', lambda: False, required=False),
        ]
        ensure(packages, SILENT)
        assert (tmp_path / 'g++').exists()
