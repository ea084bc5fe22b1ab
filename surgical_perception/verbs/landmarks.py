"""`surgical-perception landmarks`."""

from pathlib import Path
from typing import Annotated

import typer


def landmarks(
    ct: Annotated[
        Path, typer.Option(help='CT: NIfTI, NRRD or MHA file, or the folder of a DICOM series.')
    ],
    labels: Annotated[
        Path, typer.Option(help='Labels on the grid of the CT: NIfTI, NRRD or MHA file.')
    ],
    out: Annotated[
        Path,
        typer.Option(
            help='{"frame": "ct", "unit": "m", "points": {NAME.centre: [x, y, z], ...}}.',
            metavar='POINTS.json',
        ),
    ],
    label: Annotated[
        list[str] | None,
        typer.Option(
            help='Labels that are wanted, with a name if they are to have one; all without it.',
            metavar='N[=NAME] [N[=NAME] ...]',
        ),
    ] = None,
):
    """Make named points of labelled bones: centre, and outermost left, right, front, back, ..."""
    from xray_registration.landmarks import landmarks_of, parsed_names, save_landmarks
    from xray_registration.volume.loader import load_ct

    names = parsed_names(label or [])
    image = load_ct(ct, labels)
    points_m = landmarks_of(image, names)
    save_landmarks(out, points_m, image)
    typer.echo(f'{len(points_m)} points in {out}')
