"""`surgical-perception compare`."""

from pathlib import Path
from typing import Annotated

import typer


def compare(
    first: Annotated[
        Path,
        typer.Argument(
            help='result.json of evaluate, demo or register, or its folder.', metavar='RUN'
        ),
    ],
    second: Annotated[
        Path, typer.Argument(help='The other one, on the same input.', metavar='RUN')
    ],
    out: Annotated[
        Path | None, typer.Option(help='Folder for report.html, compare.md, .png and .json.')
    ] = None,
):
    """Set two runs beside each other, shot by shot: differences with 95 % intervals."""
    from surgical_perception.evaluation import compare as runs
    from surgical_perception.evaluation import compare_report

    comparison = runs.compare(first, second)
    typer.echo(compare_report.markdown(comparison))
    if out is not None:
        typer.echo(f'Look at {compare_report.write(out, comparison)}', err=True)
