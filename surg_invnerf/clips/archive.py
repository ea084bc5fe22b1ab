"""Numbered files in a tar.gz, streamed: the archives of SCARED are larger than memory."""

import re
import tarfile

from surgical_perception.errors import InputError


def numbered_members(path, suffixes):
    """
    Yield (number, name, content in bytes) of the members whose names end in a number.

    `suffixes` limits them, e.g. ('json',).  They come in the order of the archive, which is read
    once.  Raises InputError, naming the file, where it is none or is cut off.
    """
    pattern = re.compile(rf'(\d+)\.(?:{"|".join(suffixes)})$')
    try:
        with tarfile.open(path, 'r|gz') as archive:
            for member in archive:
                number = pattern.search(member.name)
                if member.isfile() and number is not None:
                    yield int(number[1]), member.name, archive.extractfile(member).read()
    except (OSError, EOFError, tarfile.TarError) as error:
        raise InputError(f'{path}: cannot be read as a tar.gz: {error}') from None
