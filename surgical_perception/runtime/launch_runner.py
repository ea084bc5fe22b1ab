"""
Run a ROS 2 XML launch file without a ROS install.

    python -m surgical_perception.runtime.launch_runner FILE [name:=value ...]
    python -m surgical_perception.runtime.launch_runner PACKAGE FILE [name:=value ...]

as `ros2 launch` does; `--show-args` lists the arguments.
"""

import asyncio
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from surgical_perception.errors import InputError

from .launch.command import command_line
from .launch.description import Argument, LaunchDescription
from .launch.elements import read_launch_file
from .launch.interpreter import interpret
from .launch.output import Output, log_file
from .launch.packages import package_share
from .launch.processes import Start, run

SHOW_ARGUMENTS = ('-s', '--show-args', '--show-arguments')


def run_launch(path: Path | str, arguments: Mapping[str, str] | None = None) -> int:
    """
    Run a launch file until its nodes have ended; call from the main thread (signals).

    Returns the first exit code of a node that is not 0, else 0.  Raises InputError before anything
    starts where the file, its arguments or an executable is wrong.
    """
    description = interpret(Path(path), arguments or {})
    if not description.nodes:
        raise InputError(f'{path} starts no node with these arguments')
    output = Output(log_file())
    with tempfile.TemporaryDirectory(prefix='launch_params_') as folder:
        try:
            return asyncio.run(run(_starts(description, Path(folder)), output))
        finally:
            output.close()


def _starts(description: LaunchDescription, folder: Path) -> list[Start]:
    starts = []
    count: Counter[str] = Counter()
    for node in description.nodes:
        count[node.executable] += 1
        name = f'{node.executable}-{count[node.executable]}'
        parameters = folder / name
        parameters.mkdir()
        starts.append(Start(node, name, command_line(node, parameters)))
    return starts


def find_launch_file(words: Sequence[str]) -> Path:
    """Return the launch file that one word (a path) or two (package and file name) stand for."""
    if len(words) == 1:
        return Path(words[0])
    if len(words) != 2:
        raise InputError('give a launch file, or a package and a file name; see --help')
    share = package_share(words[0])
    # Path.rglob does not enter folders that are links, as those of an editable install are.
    files = [
        Path(folder, name)
        for folder, _, names in os.walk(share, followlinks=True)
        for name in names
    ]
    found = [path for path in files if path.name == words[1]]
    if len(found) != 1:
        names = sorted(path.name for path in files if path.name.endswith('.launch.xml'))
        raise InputError(f'{share} has no file {words[1]}: it has {", ".join(names) or "none"}')
    return found[0]


def split_arguments(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Split a command line into words and `name:=value` arguments, the last of a name winning."""
    plain = [word for word in words if ':=' not in word]
    arguments = {}
    for word in words:
        name, separator, value = word.partition(':=')
        if separator and not name:
            raise InputError(f'{word!r}: an argument is name:=value')
        if separator:
            arguments[name] = value
    return plain, arguments


def describe(argument: Argument) -> str:
    """Return what `--show-args` prints for an argument."""
    default = 'required' if argument.default is None else f'default: {argument.default!r}'
    choices = f'; one of {", ".join(argument.choices)}' if argument.choices else ''
    return f'{argument.name}  ({default}{choices})\n    {argument.description}'.rstrip()


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code, 2 for bad input."""
    words = sys.argv[1:] if words is None else words
    try:
        plain, arguments = split_arguments(words)
        if not plain or '-h' in plain or '--help' in plain:
            print(__doc__.strip())
            return 0 if plain else 2
        path = find_launch_file([word for word in plain if not word.startswith('-')])
        unknown = [word for word in plain if word.startswith('-') and word not in SHOW_ARGUMENTS]
        if unknown:
            raise InputError(f'unknown option {unknown[0]}; see --help')
        if any(word in SHOW_ARGUMENTS for word in plain):
            _, declared = read_launch_file(path)
            print('\n'.join(map(describe, declared)) or 'no arguments')
            return 0
        return run_launch(path, arguments)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == '__main__':
    sys.exit(main())
