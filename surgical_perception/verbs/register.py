"""`surgical-perception register`."""

from pathlib import Path
from typing import Annotated

import typer


def register(
    ct: Annotated[
        Path, typer.Option(help='CT: NIfTI, NRRD or MHA file, or the folder of a DICOM series.')
    ],
    image: Annotated[
        list[Path],
        typer.Option(
            help='X-ray(s): 8- or 16-bit PNG or TIFF, or float32 .npy.', metavar='IMG [IMG ...]'
        ),
    ],
    camera: Annotated[
        list[Path],
        typer.Option(
            help='ROS camera_info YAML of each X-ray; camera_from_reference (16 numbers, '
            'row-major, metres) says where its camera is, and several X-rays need it.',
            metavar='CAM.yaml [CAM.yaml ...]',
        ),
    ],
    out: Annotated[Path, typer.Option(help='Folder for result.json and overlay_*.png.')],
    start: Annotated[
        Path | None,
        typer.Option(
            help='{"reference_from_ct": [16 numbers]}. Without it the search begins at an '
            'antero-posterior shot with the CT at the isocentre of the first C-arm.',
            metavar='START.json',
        ),
    ] = None,
    intensity: Annotated[
        str,
        typer.Option(
            help='raw: photon counts, bone dark. log: line integrals, bone bright. inverted: '
            'inverted line integrals, bone dark.',
            metavar='raw|log|inverted',
        ),
    ] = 'raw',
    mask: Annotated[
        list[Path] | None,
        typer.Option(
            help='Mask of each X-ray: not 0 where the image may be used.',
            metavar='MASK [MASK ...]',
        ),
    ] = None,
):
    """Register a CT to one or several X-rays, without ROS; the result says if it can be used."""
    from xray_registration import register_cli

    register_cli.run(ct, image, camera, out, start, intensity, mask or [])
