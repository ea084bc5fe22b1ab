"""One set-up at a time in a checkout."""

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def exclusive(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock file; wait, and say so, while another process holds it.

    The kernel gives the lock back when its holder ends, however it ends.
    """
    with path.open('a') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say('Another set-up of this checkout is running: waiting for it.')
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
