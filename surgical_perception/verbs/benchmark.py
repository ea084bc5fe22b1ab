"""`surgical-perception benchmark`."""

from pathlib import Path
from typing import Annotated

import typer

from surgical_perception.errors import InputError
from surgical_perception.several_values import SeveralValues
from surgical_perception.verbs.exit_codes import INTERRUPTED

benchmark = typer.Typer(
    help='Compare registration methods on X-rays whose pose is known.',
    pretty_exceptions_enable=False,
)


@benchmark.callback()
def _verbs():
    pass


@benchmark.command(cls=SeveralValues)
def make_cases(
    ct: Annotated[
        Path, typer.Option(help='CT: NIfTI, NRRD or MHA file, or the folder of a DICOM series.')
    ],
    preset: Annotated[
        list[str],
        typer.Option(
            help='standard, standard-20, standard-30, standard-45, training-range, hard-far, '
            'hard-farther, hard-gap, hard-cropped, hard-metal, hard-soft',
            metavar='NAME [NAME ...]',
        ),
    ],
    out: Annotated[Path, typer.Option(help='Folder for the case folders.')],
    labels: Annotated[
        Path | None,
        typer.Option(help='Labels of TotalSegmentator on the grid of the CT: they tell bones.'),
    ] = None,
    count: Annotated[int, typer.Option(help='Number of cases.', min=1)] = 10,
    views: Annotated[
        int | None, typer.Option(help="X-rays of each; the preset's without this.", min=1, max=2)
    ] = None,
    starts: Annotated[
        int, typer.Option(help='Starts of each, where the preset has starts.', min=1)
    ] = 1,
    seed: Annotated[int, typer.Option(help='Of everything random.', min=0)] = 0,
):
    """Project a CT to X-rays with known poses; those that are there are not made again."""
    from xray_registration.benchmark import make_cases

    make_cases.run(ct, out, preset, labels, count, views, starts, seed)


@benchmark.command(cls=SeveralValues)
def registration(
    cases: Annotated[
        list[Path],
        typer.Option(
            help='Case folders, or folders of them, as make-cases leaves them.',
            metavar='DIR [DIR ...]',
        ),
    ],
    out: Annotated[Path, typer.Option(help='Folder for trials, table, result.json, pictures.')],
    methods: Annotated[
        str | None,
        typer.Option(
            help='Separated by commas: lm, multistart (lm from around the start too), '
            'regressor-lm (lm from where a network sees the CT), and the other methods; all '
            'without this.',
            metavar='NAME,NAME,...',
        ),
    ] = None,
    weights: Annotated[
        list[Path] | None,
        typer.Option(
            help='Folders that `train` wrote; each is used by every method of its kind.',
            metavar='DIR [DIR ...]',
        ),
    ] = None,
    ct: Annotated[
        Path | None, typer.Option(help='The CT, where the cases name a path of another machine.')
    ] = None,
    shards: Annotated[
        str,
        typer.Option(
            help='Run part K of N of the trials, such as 2/8 on the second of eight machines.',
            metavar='K/N',
        ),
    ] = '1/1',
    jobs: Annotated[int, typer.Option(help='Processes at once.', min=1)] = 1,
    ray: Annotated[
        bool, typer.Option('--ray', help='Use the processors of a Ray cluster.')
    ] = False,
):
    """Run methods from the same starts on the same X-rays; a run that was stopped goes on."""
    from xray_registration.benchmark import run
    from xray_registration.benchmark.rows import COMPARED

    names = [name.strip() for name in methods.split(',')] if methods else list(COMPARED)
    if not run.run(names, cases, out, weights or [], ct, _shard(shards), jobs, ray):
        typer.echo(f'{out} holds what was finished: the same command goes on', err=True)
        raise typer.Exit(INTERRUPTED)


def _shard(text):
    """Return (k, n) of K/N."""
    number, _, count = text.partition('/')
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise InputError(f'--shards is {text!r}, expected K/N with K from 1 to N')
    return int(number), int(count)
