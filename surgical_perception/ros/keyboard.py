"""Single keys from a terminal, without waiting for them and without Enter."""

import os
import select
import sys
import termios
import tty


class Keyboard:
    """
    A context manager; `pressed()` returns what was typed since the last call.

    Where stdin is no terminal, as under launch, nothing is ever pressed.  Ctrl-C stays what it is.
    """

    def __init__(self, stream=None):
        self._file = (stream or sys.stdin).fileno() if _is_terminal(stream or sys.stdin) else None

    @property
    def there(self):
        """Whether keys can be pressed."""
        return self._file is not None

    def __enter__(self):
        if self.there:
            self._before = termios.tcgetattr(self._file)
            tty.setcbreak(self._file)
        return self

    def __exit__(self, *exception):
        if self.there:
            termios.tcsetattr(self._file, termios.TCSADRAIN, self._before)

    def pressed(self):
        """Return the characters that were typed since the last call."""
        typed = b''
        while self.there and select.select([self._file], [], [], 0)[0]:
            read = os.read(self._file, 64)
            if not read:  # the terminal has gone
                self._file = None
            typed += read
        return typed.decode(errors='ignore')


def _is_terminal(stream):
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # no stdin at all, or a closed one
        return False
