"""Read the dependencies from setup.cfg, the one place that names them."""

import configparser
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Requirements:
    """Dependencies of the package and of its extras, as they are written."""

    base: tuple[str, ...]
    extras: dict[str, tuple[str, ...]]

    def of(self, extras: Iterable[str]) -> list[str]:
        """Return the base's and the extras' requirements."""
        return [*self.base, *(line for extra in extras for line in self.extras[extra])]

    def named(self, name: str) -> str:
        """Return the base's requirement of a name: `torch == 2.13.0` for `torch`."""
        (line,) = (line for line in self.base if line.split()[0] == name)
        return line


def read_requirements(checkout: Path) -> Requirements:
    """Read setup.cfg of a checkout."""
    parser = configparser.ConfigParser()
    parser.read_string((checkout / 'setup.cfg').read_text())
    extras = parser['options.extras_require']
    return Requirements(
        base=_lines(parser['options']['install_requires']),
        extras={name: _lines(extras[name]) for name in extras},
    )


def read_executables(checkout: Path) -> list[str]:
    """Return the names of the console scripts."""
    parser = configparser.ConfigParser()
    parser.read_string((checkout / 'setup.cfg').read_text())
    scripts = parser['options.entry_points']['console_scripts']
    return [line.split('=')[0].strip() for line in _lines(scripts)]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
