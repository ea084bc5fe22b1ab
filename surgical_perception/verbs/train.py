"""`surgical-perception train`."""

from pathlib import Path
from typing import Annotated

import typer

from surgical_perception.several_values import SeveralValues
from surgical_perception.verbs.exit_codes import INTERRUPTED

_Cts = Annotated[
    list[Path],
    typer.Option(help='CT: NIfTI, NRRD or MHA file, or the folder of a DICOM series.'),
]
_Ct = Annotated[
    Path, typer.Option(help='CT: NIfTI, NRRD or MHA file, or the folder of a DICOM series.')
]
_Out = Annotated[Path, typer.Option(help='Folder for weights, card, checkpoint and curve.')]
_Config = Annotated[str, typer.Option(help='tiny, for a CPU; paper, for a GPU.', metavar='PRESET')]
_OfSimilarity = Annotated[
    str,
    typer.Option(
        help='tiny, for a CPU; bone, for one segmented bone; paper, for a GPU; prost-m, prost-t, '
        'sopi, cdreg: earlier methods.',
        metavar='PRESET',
    ),
]
_Agnostic = Annotated[
    bool, typer.Option('--agnostic', help='The weights may be used with other CTs too.')
]
_Beside = Annotated[
    list[Path],
    typer.Option(help='CT of another bone that X-rays may show beside it; for preset bone.'),
]
_Steps = Annotated[int | None, typer.Option(help='Instead of those of the preset.', min=1)]
_Seed = Annotated[int, typer.Option(help='Of everything random.', min=0)]
_Device = Annotated[str | None, typer.Option(help='cpu or cuda; the GPU if there is one.')]

train = typer.Typer(
    help='Train a learned method on CTs; a run that was stopped goes on.',
    pretty_exceptions_enable=False,
)


@train.callback()
def _methods():
    pass


@train.command(cls=SeveralValues)
def similarity(
    ct: _Cts,
    out: _Out,
    config: _OfSimilarity = 'tiny',
    agnostic: _Agnostic = False,
    beside: _Beside = (),
    steps: _Steps = None,
    seed: _Seed = 0,
    device: _Device = None,
):
    """Train the similarity of method `spherical` for one CT or several."""
    from xray_registration.train_cli import run_similarity

    _until_done(run_similarity, ct, out, config, agnostic, beside, steps, seed, device)


@train.command(cls=SeveralValues)
def regressor(
    ct: _Cts,
    out: _Out,
    config: _Config = 'tiny',
    agnostic: _Agnostic = False,
    steps: _Steps = None,
    seed: _Seed = 0,
    device: _Device = None,
):
    """Train the network that finds a start without being given one (init: network)."""
    from xray_registration.train_cli import run_regressor

    _until_done(run_regressor, ct, out, config, agnostic, steps, seed, device)


@train.command()
def landmarks(
    ct: _Ct,
    out: _Out,
    config: _Config = 'tiny',
    landmarks: Annotated[
        Path | None,
        typer.Option(
            help='Points of the CT, as `landmarks` writes them; without it some of its bone.',
            metavar='POINTS.json',
        ),
    ] = None,
    steps: _Steps = None,
    seed: _Seed = 0,
    device: _Device = None,
):
    """Train the network of method `landmarks`, which finds points of one CT."""
    from xray_registration.train_cli import run_landmarks

    _until_done(run_landmarks, ct, out, config, landmarks, steps, seed, device)


@train.command('scene-coordinates')
def scene_coordinates(
    ct: _Ct,
    out: _Out,
    config: _Config = 'tiny',
    steps: _Steps = None,
    seed: _Seed = 0,
    device: _Device = None,
):
    """Train the network of method `scene_coordinates`, which finds where rays enter bone."""
    from xray_registration.train_cli import run_scene_coordinates

    _until_done(run_scene_coordinates, ct, out, config, steps, seed, device)


def _until_done(run, *arguments):
    from xray_registration.training.loop import Interrupted

    try:
        run(*arguments)
    except Interrupted as stopped:
        typer.echo(f'{stopped}: the same command goes on', err=True)
        raise typer.Exit(INTERRUPTED) from None
