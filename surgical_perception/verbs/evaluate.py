"""`surgical-perception evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from surgical_perception.verbs import clip_options


def evaluate(
    clip: Annotated[
        str,
        typer.Argument(
            help='What `track` takes, with a truth in it: a synthetic clip, a bag with the topic '
            'truth/tracks, a STIR sequence, a SCARED keyframe; else --truth.',
            metavar='CLIP',
        ),
    ],
    out: Annotated[Path, typer.Option(help='Folder for result.json and report.html.')],
    truth: Annotated[
        Path | None,
        typer.Option(
            help='True tracks (.npz: queries, uv, visible, xyz_m), or end points (.json).',
            metavar='FILE',
        ),
    ] = None,
    tracks: Annotated[
        Path | None,
        typer.Option(
            help='tracks.npz of any tracker; without it the clip is tracked now.',
            metavar='FILE.npz',
        ),
    ] = None,
    queries: clip_options.Queries = None,
    preset: clip_options.Preset = 'small',
    steps: clip_options.Steps = None,
    device: clip_options.Device = 'auto',
    calibration: clip_options.Calibration = None,
    seed: clip_options.Seed = 0,
):
    """Compare tracks of a stereo clip with its truth, beside static points and flow chaining."""
    from surg_invnerf import evaluate as endoscope
    from surg_invnerf.pipeline import TrackingConfig

    config = TrackingConfig(preset=preset, steps=steps, device=device, seed=seed)
    endoscope.run(clip, out, config, truth, tracks, queries, calibration)
