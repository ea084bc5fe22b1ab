"""`surgical-perception train`."""

from pathlib import Path
from typing import Annotated

import typer

from surgical_perception.several_values import SeveralValues
from surgical_perception.verbs.exit_codes import INTERRUPTED

train = typer.Typer(
    help='Train a learned method on CTs; a run that was stopped goes on.',
    pretty_exceptions_enable=False,
)


@train.callback()
def _methods():
    pass


@train.command(cls=SeveralValues)
def similarity(
    ct: Annotated[
        list[Path],
        typer.Option(help='CT: NIfTI, NRRD or MHA file, or the folder of a DICOM series.'),
    ],
    out: Annotated[Path, typer.Option(help='Folder for weights, card, checkpoint and curve.')],
    config: Annotated[
        str, typer.Option(help='tiny, for a CPU; paper, for a GPU.', metavar='PRESET')
    ] = 'tiny',
    agnostic: Annotated[
        bool, typer.Option('--agnostic', help='The weights may be used with other CTs too.')
    ] = False,
    steps: Annotated[
        int | None, typer.Option(help='Instead of those of the preset.', min=1)
    ] = None,
    seed: Annotated[int, typer.Option(help='Of everything random.', min=0)] = 0,
    device: Annotated[
        str | None, typer.Option(help='cpu or cuda; the GPU if there is one.')
    ] = None,
):
    """Train the similarity of method `spherical` for one CT or several."""
    from xray_registration.train_cli import run_similarity
    from xray_registration.training.loop import Interrupted

    try:
        run_similarity(ct, out, config, agnostic, steps, seed, device)
    except Interrupted as stopped:
        typer.echo(f'{stopped}: the same command goes on', err=True)
        raise typer.Exit(INTERRUPTED) from None
