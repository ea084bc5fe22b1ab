"""`surgical-perception camera`."""

from pathlib import Path
from typing import Annotated

import typer


def camera(
    file: Annotated[
        Path,
        typer.Argument(
            help='What `register --camera` takes, or a DICOM X-ray; FILE#N is number N (from 0) '
            'of several.',
            metavar='FILE',
        ),
    ],
    image: Annotated[
        Path | None,
        typer.Option(
            help='The projection of an RTK geometry: its header has the pixel grid.',
            metavar='IMG',
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help='Write a ROS camera_info YAML, with camera_from_reference where it is known.',
            metavar='CAM.yaml',
        ),
    ] = None,
):
    """Show what a file says about a C-arm, in the conventions of this package."""
    from xray_registration import camera_cli

    typer.echo('\n'.join(camera_cli.run(file, image, out)))
