"""What a set-up shows: one line per step, and what it is doing just now."""

import shutil
import sys
import time
from typing import TextIO


class Progress:
    """Steps on the terminal; details overwrite one another there and are left out elsewhere."""

    def __init__(self, steps: int, screen: TextIO | None = None):
        self._steps = steps
        self._step = 0
        self._start = time.monotonic()
        self._screen = screen or sys.stderr

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._step += 1
        self.say(f'[{self._step}/{self._steps}] {title}')

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._clear()
        print(text, file=self._screen, flush=True)

    def detail(self, text: str) -> None:
        """Show what is being done, until the next line."""
        if self._screen.isatty():
            width = shutil.get_terminal_size().columns - 5
            self._clear()
            print(f'    {text[:width]}', end='', file=self._screen, flush=True)

    def finish(self) -> None:
        """Say how long it took."""
        self.say(f'Set up in {time.monotonic() - self._start:.0f} s.')

    def _clear(self) -> None:
        if self._screen.isatty():
            print('\r\033[K', end='', file=self._screen)
