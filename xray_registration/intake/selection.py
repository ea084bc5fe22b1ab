"""Which X-ray of a file that holds several: FILE#NAME."""

from pathlib import Path

from surgical_perception.errors import InputError


def split_name(path):
    """Return (Path of the file, what stands behind its #, or None)."""
    path = Path(path)
    if path.exists() or '#' not in str(path):
        return path, None
    file, _, name = str(path).partition('#')
    return Path(file), name


def chosen_number(path, name, count):
    """
    Return which one of `count` X-rays `name` means, counted from 0; None means the only one.

    Raises InputError where there are several, or none of that number.
    """
    if name is None and count != 1:
        raise InputError(f'{path}: holds {count} X-rays: say which one, as in {path}#0')
    text = '0' if name is None else str(name)
    if not text.isdecimal() or int(text) >= count:
        raise InputError(f'{path}: has no X-ray {text}: it holds {count}, counted from 0')
    return int(text)
