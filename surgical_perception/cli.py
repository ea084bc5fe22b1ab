"""
The `surgical-perception` command: its verbs (`verbs/`), and what ends it.

Exit codes: 0 done, 1 faults in what was checked, 2 bad input (one sentence on stderr), 130
interrupted.
"""

import sys
from typing import Annotated

import typer

import surgical_perception
from surgical_perception.errors import InputError
from surgical_perception.several_values import SeveralValues
from surgical_perception.verbs.benchmark import benchmark
from surgical_perception.verbs.camera import camera
from surgical_perception.verbs.check_bag import check_bag
from surgical_perception.verbs.compare import compare
from surgical_perception.verbs.demo import demo
from surgical_perception.verbs.doctor import doctor
from surgical_perception.verbs.evaluate import evaluate
from surgical_perception.verbs.exit_codes import BAD_INPUT, INTERRUPTED
from surgical_perception.verbs.landmarks import landmarks
from surgical_perception.verbs.register import register
from surgical_perception.verbs.replay import replay
from surgical_perception.verbs.track import track
from surgical_perception.verbs.train import train
from surgical_perception.verbs.view import view

PROGRAM = 'surgical-perception'

# What typer and click raise for a bad command line; click's name for it, UsageError, is private
# in some versions of typer.
_UsageError = typer.BadParameter.__base__

app = typer.Typer(
    name=PROGRAM,
    help='X-ray registration and endoscopic tracking for surgical robotics. Research use only.',
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool):
    if wanted:
        typer.echo(f'{PROGRAM} {surgical_perception.__version__}')
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option('--version', callback=_show_version, is_eager=True, help='Show it.')
    ] = False,
):
    pass


# The order of `--help`.
app.command(cls=SeveralValues)(register)
app.command()(camera)
app.command(cls=SeveralValues)(landmarks)
app.add_typer(train, name='train')
app.add_typer(benchmark, name='benchmark')
app.command()(track)
app.command()(evaluate)
app.command()(compare)
app.command()(check_bag)
app.command()(replay)
app.command()(doctor)
app.command()(view)
app.command()(demo)


def main(words=None):
    """Run a command line (that of the process by default); return its exit code."""
    words = sys.argv[1:] if words is None else words
    try:
        code = app(args=words or ['--help'], prog_name=PROGRAM, standalone_mode=False) or 0
    except InputError as error:
        return _refuse(str(error))
    except _UsageError as error:
        return _refuse(error.format_message())
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        typer.echo(f'{PROGRAM}: interrupted', err=True)
    return code


def _refuse(reason):
    """Print one sentence, on one line, and return the exit code for bad input."""
    typer.echo(f'{PROGRAM}: {" ".join(reason.split())}', err=True)
    return BAD_INPUT


if __name__ == '__main__':
    sys.exit(main())
