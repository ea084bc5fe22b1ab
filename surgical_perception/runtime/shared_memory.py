"""The shared memory that killed nodes leave behind."""

import contextlib
import fcntl
import os
import re
import time
from pathlib import Path

FOLDER = Path('/dev/shm')

# Fast DDS holds a lock on `<segment>_el` for as long as the process that owns the segment lives.
_LOCK_FILE = re.compile(r'fastrtps_[0-9a-f]{16}_el')
# A process that is just starting has made its lock file a moment before it locks it.
_MIN_AGE_S = 10.0


def remove_orphans(folder=FOLDER):
    """
    Remove the segments of Fast DDS whose owner is dead; return the bytes that this frees.

    Every killed node leaves its 17 MB until the machine restarts.  A container has 64 MB: its
    fourth node would get none, say nothing, and lose images on their way through UDP.  The rule is
    that of `fastdds shm clean`; segments of other users stay.
    """
    freed = 0
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            if _LOCK_FILE.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    freed += _remove_orphan(Path(entry.path))
    return freed


def _remove_orphan(lock_file):
    if time.time() - lock_file.stat().st_mtime < _MIN_AGE_S:
        return 0
    with lock_file.open('rb') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # OSError while the owner lives
        segment = lock_file.with_name(lock_file.name.removesuffix('_el'))
        size = 0
        with contextlib.suppress(FileNotFoundError):
            size = segment.stat().st_size
            segment.unlink()
        lock_file.unlink()
    return size
