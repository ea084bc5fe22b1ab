"""The Debian packages that pip cannot bring."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from .failure import SetUpError
from .interpreters import Interpreter


@dataclass(frozen=True)
class SystemPackage:
    """A Debian package, what it is needed for, and whether the set-up can go on without it."""

    name: str
    purpose: str
    is_there: Callable[[], bool]
    required: bool = True


def system_packages(interpreter: Interpreter) -> list[SystemPackage]:
    """List what is needed beside a Python."""
    python = f'python{interpreter.version[0]}.{interpreter.version[1]}'
    headers = 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")'
    return [
        SystemPackage('g++', 'compile tf2_msgs', lambda: shutil.which('g++') is not None),
        SystemPackage(
            f'{python}-venv', 'make .venv', lambda: _runs(interpreter, 'import ensurepip, venv')
        ),
        SystemPackage(f'{python}-dev', 'compile tf2_msgs', lambda: _runs(interpreter, headers)),
        SystemPackage('libgl1', 'draw pictures', lambda: _loads('libGL.so.1'), required=False),
        SystemPackage(
            'libegl1',
            'draw pictures without a display',
            lambda: _loads('libEGL.so.1'),
            required=False,
        ),
        SystemPackage(
            'libusb-1.0-0', 'use Open3D', lambda: _loads('libusb-1.0.so.0'), required=False
        ),
    ]


def _runs(interpreter: Interpreter, code: str) -> bool:
    return subprocess.run([interpreter.path, '-c', code], capture_output=True).returncode == 0


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def ensure(packages: list[SystemPackage], say: Callable[[str], None]) -> None:
    """Install what is missing by apt where the user may; else name it, and stop if required."""
    missing = [package for package in packages if not package.is_there()]
    if not missing:
        return
    names = ' '.join(package.name for package in missing)
    become_root = _become_root()
    if become_root is not None and shutil.which('apt-get') is not None:
        say(f'Installing Debian packages: {names}')
        _install([package.name for package in missing], become_root)
        missing = [package for package in missing if not package.is_there()]
    for package in missing:
        if not package.required:
            say(f'Debian package {package.name} is missing; it is needed to {package.purpose}.')
    required = [package for package in missing if package.required]
    if required:
        names = ' '.join(package.name for package in required)
        purposes = ' and '.join(dict.fromkeys(package.purpose for package in required))
        raise SetUpError(
            f'Missing Debian packages, needed to {purposes}: run "sudo apt-get install {names}".'
        )


def _become_root() -> list[str] | None:
    """Return the words before a command that make it run as root, None where the user may not."""
    if os.geteuid() == 0:
        return []
    if (
        shutil.which('sudo')
        and subprocess.run(['sudo', '-n', 'true'], capture_output=True).returncode == 0
    ):
        return ['sudo', '-n']
    return None


def _install(names: list[str], become_root: list[str]) -> None:
    # One by one where all at once fails: an unknown name must not keep back the others.
    apt = [*become_root, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', '-y']
    install = [*apt, '--no-install-recommends', 'install']
    if _quiet([*install, *names]):
        return
    _quiet([*apt, 'update'])
    if not _quiet([*install, *names]):
        for name in names:
            _quiet([*install, name])


def _quiet(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0
