"""
The files of a bag: which ones, in which order, and why they are none.

A recording that was cut off leaves no metadata.yaml; its files are then read by their numbers.
"""

import re
from pathlib import Path

from rosbags.rosbag2 import Reader

from surgical_perception.errors import InputError

METADATA = 'metadata.yaml'
SUFFIXES = ('.mcap', '.db3')
REINDEX = 'run `ros2 bag reindex` on its folder'

# <name of the bag>_<number>.<suffix>, as rosbag2 calls the parts of a recording
_PART = re.compile(r'(?P<bag>.+)_(?P<number>\d+)\.(?P<suffix>mcap|db3)')


def files_to_open(path):
    """
    Return the paths to open for a bag, in the order of recording: its folder, or single files.

    path        folder of a bag, or an .mcap or .db3 file

    Raises InputError with the reason why there is no bag.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f'{path}: is no readable bag: there is no such file or folder')
    if path.name == METADATA:
        path = path.parent
    if path.is_dir():
        for database in path.glob('*.db3'):
            _require_folded_in(database)
        return [path] if (path / METADATA).exists() else _parts(path)
    if path.suffix == '.bag':
        raise InputError(
            f'{path}: is a bag of ROS 1: convert it first, with '
            f'`rosbags-convert --src {path.name} --dst {path.stem}`'
        )
    if path.suffix not in SUFFIXES:
        raise InputError(
            f'{path}: is no readable bag: give its folder, or an {" or ".join(SUFFIXES)} file'
        )
    _require_folded_in(path)
    return [path]


def open_file(path):
    """Return an open rosbags Reader; raises InputError with the reason why it cannot be read."""
    try:
        reader = Reader(path)
        reader.open()
    except Exception as error:  # whatever the parsers below rosbags raise on damaged bytes
        raise unreadable(path, error) from None
    foreign = {c.ext.serialization_format for c in reader.connections} - {'cdr'}
    if foreign:
        reader.close()
        raise InputError(
            f'{path}: its messages are serialised as {", ".join(sorted(foreign))}, not as CDR: '
            'record it with a middleware that writes CDR'
        )
    return reader


def unreadable(path, error):
    """
    Return the InputError for what the libraries below say of a damaged file.

    They are rosbags, apsw, zstd and lz4, each with errors of its own: callers catch them all.
    """
    said = ' '.join(str(error).split()) or type(error).__name__
    return InputError(
        f'{path}: is no readable bag: {said.rstrip(".")}: if the recording was cut off, {REINDEX}'
    )


def _parts(folder):
    """Return the numbered files of a recording without metadata.yaml."""
    files = sorted(file for file in folder.iterdir() if file.suffix in SUFFIXES)
    if not files:
        raise InputError(
            f'{folder}: is no readable bag: the folder holds neither {METADATA} nor a file that '
            f'ends in {" or ".join(SUFFIXES)}'
        )
    matches = [_PART.fullmatch(file.name) for file in files]
    if len(files) > 1 and (None in matches or len({(m['bag'], m['suffix']) for m in matches}) > 1):
        raise InputError(
            f'{folder}: holds no {METADATA}, and {", ".join(file.name for file in files)} are not '
            'the parts of one recording: give one of them'
        )
    if len(files) > 1:
        files.sort(key=lambda file: int(_PART.fullmatch(file.name)['number']))
    return files


def _require_folded_in(file):
    """Refuse a database whose last messages are still in its log, which nothing here reads."""
    log = file.with_name(f'{file.name}-wal')
    if log.exists() and log.stat().st_size:
        raise InputError(
            f'{file}: the recording was cut off, and {log.name} holds messages that are not in it '
            f"yet: run `sqlite3 {file.name} 'PRAGMA wal_checkpoint(TRUNCATE)'` in its folder"
        )
