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
            help='X-ray(s): PNG or TIFF of 8 or 16 bits, float32 .npy, DICOM (XA, RF, DX), '
            'MetaImage, or HDF5 of xReg and DeepFluoro; FILE#N is number N (from 0) of several.',
            metavar='IMG [IMG ...]',
        ),
    ],
    out: Annotated[Path, typer.Option(help='Folder for result.json and overlay_*.png.')],
    camera: Annotated[
        list[Path] | None,
        typer.Option(
            help='Camera of each X-ray: ROS camera_info YAML (with camera_from_reference, 16 '
            'numbers, row-major, metres, where there are several), MayaCam 2.0, RTK geometry '
            '(XML), xReg (HDF5), DiffDRR (JSON). Without it the X-rays hold their own: DICOM, '
            'HDF5.',
            metavar='CAM [CAM ...]',
        ),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            help='{"reference_from_ct": [16 numbers]}. Without it the search begins where '
            'the file of the X-ray says the C-arm was; else around every position of --positions.',
            metavar='START.json',
        ),
    ] = None,
    landmarks_2d: Annotated[
        Path | None,
        typer.Option(
            help='Landmarks that were marked in the X-rays, to begin there instead: the JSON of '
            '`landmarks` with "pixels": [{NAME: [u, v], ...} of each X-ray]; four in one of them '
            'are the least.',
            metavar='PIXELS.json',
        ),
    ] = None,
    intensity: Annotated[
        str | None,
        typer.Option(
            help='raw: photon counts, bone dark. log: line integrals, bone bright. inverted: '
            'inverted line integrals, bone dark. Without it: what the file says; raw for PNG, '
            'TIFF and .npy.',
            metavar='raw|log|inverted',
        ),
    ] = None,
    image_flip: Annotated[
        str | None,
        typer.Option(
            help='How the X-rays are mirrored, to be undone. Without it: what the file says; '
            'none for PNG, TIFF and .npy.',
            metavar='none|horizontal|vertical|both',
        ),
    ] = None,
    mask: Annotated[
        list[Path] | None,
        typer.Option(
            help='Mask of each X-ray: not 0 where the image may be used.',
            metavar='MASK [MASK ...]',
        ),
    ] = None,
    no_auto_mask: Annotated[
        bool,
        typer.Option(
            '--no-auto-mask',
            help='Use all of an X-ray without a mask: collimator, metal and instruments too.',
        ),
    ] = False,
    positions: Annotated[
        list[str] | None,
        typer.Option(
            help='Where the (first) C-arm may stand, to be searched without a start; all four '
            'without this. AP: rays enter from the front; LAT_L: from the left side of the '
            'patient.',
            metavar='AP|PA|LAT_L|LAT_R [...]',
        ),
    ] = None,
    source_to_isocentre_mm: Annotated[
        float | None,
        typer.Option(
            help='Distance from the X-ray source to the centre of the CT there; 750 without this.',
            metavar='MM',
        ),
    ] = None,
    params_file: Annotated[
        Path | None,
        typer.Option(
            help='Parameters of xray_registration_node (YAML): limits, attenuation, masks, '
            'region, calibration and more; options beat it.',
            metavar='FILE.yaml',
        ),
    ] = None,
):
    """Register a CT to one or several X-rays, without ROS; the result says if it can be used."""
    from xray_registration import register_cli

    options = {
        'search.positions': positions or None,
        'search.source_to_isocentre_mm': source_to_isocentre_mm,
        'masks.automatic': False if no_auto_mask else None,
    }
    settings = {name: value for name, value in options.items() if value is not None}
    parameters = register_cli.read_parameters(params_file, settings)
    register_cli.run(
        ct,
        image,
        camera or [],
        out,
        start,
        intensity,
        mask or [],
        image_flip,
        parameters,
        landmarks_2d,
    )
