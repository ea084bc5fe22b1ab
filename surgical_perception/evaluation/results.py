"""
Result files: every run leaves a `result.json` that says how its numbers came about.

Metrics carry their units; config, versions, hashes of the inputs, device and seed stand beside
them.  `latest` in the folder of all runs is a link to the newest one.
"""

import dataclasses
import hashlib
import json
import os
import platform
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from importlib import metadata
from pathlib import Path

import numpy as np

import surgical_perception
from surgical_perception.errors import InputError

RESULT_FILE = 'result.json'
LATEST = 'latest'

# The packages that can change a number in a result.
_PACKAGES = ('numpy', 'scipy', 'torch', 'numba', 'triton', 'diffdrr', 'opencv-python-headless')
_HASH_BLOCK = 1 << 20


@dataclass(frozen=True)
class Metric:
    """One number with its unit and a sentence for the reader; a non-finite value is a failure."""

    value: float
    unit: str
    text: str = ''


def write_result(directory, metrics, config=None, inputs=None, seed=None, extra=None):
    """
    Write `directory`/result.json and return its path.

    metrics     {name: Metric}
    config      a dataclass or dict: all settings
    inputs      {name: path of a file or folder}, hashed
    seed        of everything random, None where nothing is
    extra       further keys of the top level, e.g. one row per case
    """
    result = {
        'metrics': metrics,
        **(extra or {}),
        'config': config or {},
        'seed': seed,
        'inputs': {
            name: {'path': str(path), 'sha256': sha256_of(path)}
            for name, path in (inputs or {}).items()
        },
        **provenance(),
    }
    return write_json(Path(directory) / RESULT_FILE, result)


def provenance():
    """Return when, with which versions and on which device a result was made."""
    return {
        'created': datetime.now().astimezone().isoformat(timespec='seconds'),
        'versions': versions(),
        'device': device(),
    }


def versions():
    """Return {package: version} of this package, Python and what computes the numbers."""
    found = {
        'surgical_perception': surgical_perception.__version__,
        'python': sys.version.split()[0],
    }
    for package in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):  # an absent extra changes no number
            found[package] = metadata.version(package)
    return found


def device():
    """Return the machine in words: CPU model and cores, and the GPU where torch runs on one."""
    found = {'cpu': _cpu_model(), 'cores': len(os.sched_getaffinity(0))}
    torch = sys.modules.get('torch')  # a result that was made without torch does not need it
    if torch is not None and torch.cuda.is_available():
        found['gpu'] = torch.cuda.get_device_name()
    return found


def sha256_of(path):
    """
    Return the SHA-256 of a file, or of a folder's files in the order of their names.

    Raises InputError where nothing can be read.
    """
    path, digest = Path(path), hashlib.sha256()
    try:
        files = sorted(x for x in path.rglob('*') if x.is_file()) if path.is_dir() else [path]
        for file in files:
            with file.open('rb') as stream:
                while block := stream.read(_HASH_BLOCK):
                    digest.update(block)
    except OSError as error:
        raise InputError(f'{path}: cannot be read: {error.strerror}') from None
    return digest.hexdigest()


def new_run(root):
    """Make and return a folder for a run, named after the local time: `root`/20260131-120000."""
    root = Path(root)
    stem = datetime.now().strftime('%Y%m%d-%H%M%S')
    for name in [stem, *(f'{stem}-{n}' for n in range(2, 100))]:
        try:
            (root / name).mkdir(parents=True)
        except FileExistsError:
            continue  # two runs within a second
        except OSError as error:
            raise InputError(
                f'{root}: results cannot be written there: {error.strerror}'
            ) from None
        return root / name
    raise InputError(f'{root} holds 99 runs of this second: wait, or give another folder')


def link_latest(run):
    """Point `latest` beside the folder `run` at it, in one step, and return the link."""
    run = Path(run)
    link, fresh = run.parent / LATEST, run.parent / f'.{LATEST}-{os.getpid()}'
    if link.exists() and not link.is_symlink():
        raise InputError(f'{link} is no link: move it away, it would be replaced')
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(run.name)
    fresh.replace(link)
    return link


def write_json(path, content):
    """Write strict JSON: dataclasses as objects, arrays as lists, non-finite numbers as null."""
    text = json.dumps(plain(content), indent=2, allow_nan=False)
    Path(path).write_text(text + '\n', encoding='utf-8')
    return Path(path)


def plain(value):
    """Return `value` in the types of JSON; non-finite numbers become None."""
    if dataclasses.is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _cpu_model():
    try:
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.machine()
