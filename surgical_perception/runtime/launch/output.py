"""Where the lines of nodes go: to the screen, to a log file, or to both."""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO


def log_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the path of a new log file, where ROS 2 keeps its logs."""
    home = environ.get('ROS_HOME', '~/.ros')
    folder = Path(environ.get('ROS_LOG_DIR') or Path(home, 'log')).expanduser()
    return folder / f'launch-{time.strftime("%Y-%m-%d-%H-%M-%S")}-{os.getpid()}.log'


class Output:
    """Screen and log file of one launch; the file is created with its first line."""

    def __init__(self, path: Path, screen: TextIO | None = None):
        self._path = path
        self._screen = screen or sys.stdout
        self._file: TextIO | None = None

    def say(self, text: str) -> None:
        """Print a line of the launch itself."""
        print(f'[launch] {text}', file=self._screen, flush=True)

    def line(self, name: str, text: str, mode: str, is_error: bool) -> None:
        """Print a line of a node; mode 'log' shows only what it writes to its error stream."""
        if mode != 'log' or is_error:
            print(f'[{name}] {text}', file=self._screen, flush=True)
        if mode != 'screen':
            self._log().write(f'{time.time():.7f} [{name}] {text}\n')

    def _log(self) -> TextIO:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open('w', buffering=1)
        return self._file

    def close(self) -> None:
        """Close the log file."""
        if self._file is not None:
            self._file.close()
