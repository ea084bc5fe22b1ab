"""The command line of the set-up; it runs on any Python 3 and goes on with one that suits."""

import os
import sys


def main():
    """Set up the checkout that this file is in; return the exit code."""
    import argparse
    from pathlib import Path

    from .failure import SetUpError
    from .steps import set_up

    parser = argparse.ArgumentParser(prog='make setup')
    parser.add_argument('--with', dest='extras', action='append', default=[], metavar='EXTRA')
    extras = parser.parse_args().extras
    try:
        set_up(Path(__file__).resolve().parents[3], extras)
    except SetUpError as error:
        print(f'Set-up: {error}', file=sys.stderr)
        return 1
    except OSError as error:
        print(f'Set-up: {error.strerror or error}: {error.filename}.', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('Set-up: interrupted; the next make goes on from here.', file=sys.stderr)
        return 130
    return 0


def restart_with_newer_python():
    """Replace this process by one of a Python that can read the rest of the set-up."""
    for minor in (13, 12, 11, 10):
        name = 'python3.' + str(minor)
        # A pyenv shim is on PATH for versions that do not run: ask before going.
        if os.system(name + ' -c "" >/dev/null 2>&1') == 0:
            os.execvp(name, [name, '-m', 'surgical_perception.runtime.set_up', *sys.argv[1:]])
    sys.exit('Set-up: Python 3.10 to 3.13 is needed: install python3.12 and python3.12-venv.')


if __name__ == '__main__':
    if sys.version_info < (3, 10):  # noqa: UP036 - the Python of an older system
        restart_with_newer_python()
    sys.exit(main())
