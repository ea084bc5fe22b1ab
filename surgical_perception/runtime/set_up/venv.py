"""The virtual environment: made, and its programs run in a clean environment."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from .failure import SetUpError
from .interpreters import Interpreter
from .progress import Progress

# What would make a Python of the venv find modules or libraries of another one.  The last is the
# guard of the ROS wheels: set by a Python of another venv, it keeps ours from finding its own.
FOREIGN = ('PYTHONPATH', 'PYTHONHOME', 'VIRTUAL_ENV', '_ROS_WHEELS_BOOTSTRAP_COMPLETE')
TELLING = ('Collecting ', 'Downloading ', 'Using cached ', 'Building ', 'Installing ')


class Venv:
    """The venv at a path; its notes (stamp, log) are in a folder of its own inside it."""

    def __init__(self, path: Path):
        self.path = path
        self.python = path / 'bin' / 'python'
        self.notes = path / 'set_up'
        self.log = self.notes / 'log.txt'

    def create(self, interpreter: Interpreter) -> None:
        """Make the venv anew; raise SetUpError where the path holds one that is not ours."""
        if self.path.exists() and not self.notes.is_dir():
            raise SetUpError(f'{self.path} was not made by this set-up: move it away.')
        shutil.rmtree(self.path, ignore_errors=True)
        # The notes first: they mark a venv whose making was interrupted as ours.
        self.notes.mkdir(parents=True)
        self.run([interpreter.path, '-m', 'venv', str(self.path)], 'the venv cannot be made')

    def pip_install(self, words: list[str], progress: Progress) -> None:
        """Install by pip, with its packages in passing; raise SetUpError with pip's own reason."""
        command = [str(self.python), '-m', 'pip', 'install', '--progress-bar', 'off', *words]
        self.run(command, 'pip cannot install the packages', progress)

    def run(self, command: list[str], failure: str, progress: Progress | None = None) -> str:
        """
        Run a program with its output in the log; return its last line.

        Raises SetUpError with its last error where it fails.
        """
        temporary = self.notes / 'tmp'
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        last = ''
        with self.log.open('a') as log:
            log.write(f'$ {" ".join(command)}\n')
            process = subprocess.Popen(
                command,
                # /tmp is in memory on Debian 13 and too small for torch.
                env={**clean_environment(os.environ), 'TMPDIR': str(temporary)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors='replace',
            )
            for line in process.stdout:
                log.write(line)
                last = _reason(last, line.strip())
                if progress is not None and line.startswith(TELLING):
                    progress.detail(line.strip())
        if process.wait() != 0:
            raise SetUpError(f'{failure}: {last or "no reason given"} (all of it: {self.log})')
        shutil.rmtree(temporary, ignore_errors=True)
        return last

    def remove_half_installed(self) -> None:
        """Forget packages whose installation was interrupted, so that pip installs them again."""
        for info in self.path.glob('lib/python*/site-packages/*.dist-info'):
            # pip writes RECORD last.
            if not (info / 'RECORD').is_file():
                shutil.rmtree(info)


def _reason(last: str, line: str) -> str:
    if line.startswith('ERROR') or not last.startswith('ERROR'):
        return line or last
    return last


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what belongs to another Python."""
    clean = {name: value for name, value in environ.items() if name not in FOREIGN}
    if '_ROS_WHEELS_BOOTSTRAP_COMPLETE' in environ:
        clean.pop('LD_LIBRARY_PATH', None)
    return clean
