"""Find a Python for which there are ROS wheels."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from .failure import SetUpError

# rclpy has wheels up to 3.14, but not all that we use with it.
OLDEST, NEWEST = (3, 10), (3, 13)

# Its own prefix shows a Python inside a venv, from which another venv must not hang.
PROBE = 'import sys; print(sys.version_info[0], sys.version_info[1], sys._base_executable)'


@dataclass(frozen=True)
class Interpreter:
    """A Python outside any venv: its path and (major, minor)."""

    path: str
    version: tuple[int, int]


def find_interpreter() -> Interpreter:
    """Return the running Python where it suits, else the newest one on PATH that does."""
    seen = []
    for candidate in _candidates():
        found = probe(candidate)
        if found is not None and OLDEST <= found.version <= NEWEST:
            return found
        if found is not None:
            seen.append(f'{found.version[0]}.{found.version[1]}')
    raise SetUpError(
        f'Python 3.10 to 3.13 is needed and PATH has {", ".join(dict.fromkeys(seen)) or "none"}: '
        'install one, for instance python3.12 and python3.12-venv.'
    )


def _candidates() -> Iterator[str]:
    yield sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        path = shutil.which(f'python3.{minor}')
        if path is not None:
            yield path


def probe(path: str) -> Interpreter | None:
    """Return what a Python says of itself, or None where it does not run (a pyenv shim, say)."""
    try:
        run = subprocess.run([path, '-c', PROBE], capture_output=True, text=True, timeout=60)
    except OSError:
        return None
    answer = re.fullmatch(r'(\d+) (\d+) (\S.*)\n', run.stdout)
    if run.returncode != 0 or answer is None:
        return None
    major, minor, base = answer.groups()
    return Interpreter(base, (int(major), int(minor)))
