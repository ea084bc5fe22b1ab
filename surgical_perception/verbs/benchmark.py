"""`surgical-perception benchmark`."""

from pathlib import Path
from typing import Annotated

import typer

benchmark = typer.Typer(
    help='Compare registration methods on X-rays whose pose is known.',
    pretty_exceptions_enable=False,
)


@benchmark.callback()
def _verbs():
    pass


@benchmark.command()
def make_cases(
    ct: Annotated[
        Path, typer.Option(help='CT: NIfTI, NRRD or MHA file, or the folder of a DICOM series.')
    ],
    preset: Annotated[
        str,
        typer.Option(
            help='standard, standard-20, -30, -45; training-range; hard-far, -farther, -gap, '
            '-cropped, -metal, -soft.',
            metavar='NAME',
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
