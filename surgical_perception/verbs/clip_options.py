"""Options that `track` and `evaluate` share: what to follow in a stereo clip, and how."""

from pathlib import Path
from typing import Annotated

import typer

Queries = Annotated[
    Path | None,
    typer.Option(
        help='Points to follow, [[u, v, frame], ...] in pixels of the left images; without it a '
        'grid on the first frame, or where the truth has its points.',
        metavar='FILE.json',
    ),
]
Preset = Annotated[str, typer.Option(help='Size of model and fit.', metavar='small|full')]
Steps = Annotated[
    int | None, typer.Option(help='Limit of the steps; the preset has one.', metavar='N')
]
Device = Annotated[str, typer.Option(help='Where to compute.', metavar='auto|cpu|cuda')]
Calibration = Annotated[
    Path | None,
    typer.Option(help='For a video, and a bag without camera_info.', metavar='FILE.yaml'),
]
Seed = Annotated[int, typer.Option(help='Of everything random.', metavar='N')]
