"""What has been set up, and from which inputs."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Stamp:
    """
    Keys of finished steps and the extras installed, kept in a file inside the venv.

    A venv that is removed or made anew takes its stamp with it.
    """

    path: Path
    done: dict[str, str] = field(default_factory=dict)
    extras: set[str] = field(default_factory=set)

    @classmethod
    def load(cls, path: Path) -> 'Stamp':
        """Read a stamp; one that is absent or unreadable says that nothing is done."""
        try:
            content = json.loads(path.read_text())
            return cls(path, dict(content['done']), set(content['extras']))
        except (OSError, ValueError, KeyError, TypeError):
            return cls(path)

    def finish(self, step: str, key: str) -> None:
        """Note a finished step; the file is replaced whole, so that a kill leaves the old one."""
        self.done[step] = key
        self._save()

    def invalidate(self, step: str) -> None:
        """Note that a step is being done again."""
        if self.done.pop(step, None) is not None:
            self._save()

    def _save(self) -> None:
        temporary = self.path.with_suffix('.new')
        temporary.write_text(json.dumps({'done': self.done, 'extras': sorted(self.extras)}))
        os.replace(temporary, self.path)


def key_of(*parts: object) -> str:
    """Return a key that changes with any of the parts."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def content_of(paths: Iterable[Path]) -> str:
    """Return a key that changes with the name or content of any file."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        content = path.read_bytes()
        digest.update(f'{path.name} {len(content)} '.encode() + content)
    return digest.hexdigest()
