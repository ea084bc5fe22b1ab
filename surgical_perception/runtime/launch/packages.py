"""Where packages are: the ament index of a ROS install, or that of this venv."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from surgical_perception.errors import InputError

MARKERS = Path('share', 'ament_index', 'resource_index', 'packages')


def prefixes(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Return the install prefixes to search: those of AMENT_PREFIX_PATH, then this venv's."""
    sourced = filter(None, environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep))
    return [*map(Path, sourced), Path(sys.prefix)]


def package_prefix(package: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the prefix that holds `package`; raise InputError where none does."""
    for prefix in prefixes(environ):
        if (prefix / MARKERS / package).is_file():
            return prefix
    searched = ', '.join(map(str, prefixes(environ)))
    raise InputError(f'package {package!r} is not installed (looked in {searched})')


def package_share(package: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the package's launch, config and other data files."""
    return package_prefix(package, environ) / 'share' / package


def find_executable(
    package: str, executable: str, environ: Mapping[str, str] = os.environ
) -> Path:
    """Return the path of a package's executable; raise InputError with what there is instead."""
    folder = package_prefix(package, environ) / 'lib' / package
    path = folder / executable
    if path.is_file() and os.access(path, os.X_OK):
        return path
    known = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    hint = f'it has {", ".join(known)}' if known else f'{folder} does not exist'
    raise InputError(f'package {package!r} has no executable {executable!r}: {hint}')
