"""Inputs that are made once: kept under a hash of everything that they depend on."""

import hashlib
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from surgical_perception.errors import InputError

_KEY_DIGITS = 16


def key_of(config, sources, *more):
    """Return a hash of a settings dataclass, the paths of source files, and further strings."""
    digest = hashlib.sha256(''.join(more).encode())
    digest.update(json.dumps(asdict(config), sort_keys=True).encode())
    for source in sources:
        digest.update(Path(source).read_bytes())
    return digest.hexdigest()[:_KEY_DIGITS]


def made_once(path, make):
    """
    Return `path` after calling `make(unfinished path)`, unless it exists already.

    It appears under its name only when it is complete.  Raises InputError where its folder cannot
    be written.
    """
    path = Path(path)
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f'{path.parent}: cannot be written: {error.strerror}') from None
        # The last part of the name stays: rosbags names the file in a bag after its folder.
        with tempfile.TemporaryDirectory(prefix='unfinished-', dir=path.parent) as unfinished:
            make(Path(unfinished) / path.name)
            (Path(unfinished) / path.name).rename(path)
    return path
