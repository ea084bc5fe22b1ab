"""`surgical-perception track`."""

from pathlib import Path
from typing import Annotated

import typer

from surgical_perception.verbs import clip_options, exit_codes


def track(
    clip: Annotated[
        str,
        typer.Argument(
            help='A bag; a folder with left/, right/ and calib.yaml; a STIR sequence; a SCARED '
            'keyframe; a video with the left eye above the right one; or synthetic:SEED.',
            metavar='CLIP',
        ),
    ],
    out: Annotated[Path, typer.Option(help='Folder for all that comes out.')],
    queries: clip_options.Queries = None,
    preset: clip_options.Preset = 'small',
    steps: clip_options.Steps = None,
    device: clip_options.Device = 'auto',
    calibration: clip_options.Calibration = None,
    correspondence: Annotated[
        str,
        typer.Option(
            help='What finds points again: dis, precomputed, torchscript, onnx or a plug-in.',
            metavar='NAME',
        ),
    ] = 'dis',
    correspondence_option: Annotated[
        list[str] | None,
        typer.Option(
            help='One of its options, such as weights=raft.pt; may be repeated.',
            metavar='NAME=VALUE',
        ),
    ] = None,
    stereo: Annotated[
        str,
        typer.Option(
            help='What measures depth: sgbm_dis, torchscript, onnx or a plug-in.', metavar='NAME'
        ),
    ] = 'sgbm_dis',
    stereo_option: Annotated[
        list[str] | None,
        typer.Option(help='One of its options; may be repeated.', metavar='NAME=VALUE'),
    ] = None,
    kinematics: Annotated[
        bool, typer.Option(help='Use camera poses where the clip has them.')
    ] = True,
    kinematics_preset: Annotated[
        str, typer.Option(help='Axes of the poses in a bag.', metavar='ros|dvrk_isi')
    ] = 'ros',
    seed: clip_options.Seed = 0,
):
    """Track points and reconstruct the tissue of a stereo clip, without ROS."""
    from surg_invnerf import track_cli
    from surg_invnerf.pipeline import TrackingConfig

    config = TrackingConfig(
        preset=preset,
        steps=steps,
        device=device,
        correspondence=correspondence,
        correspondence_options=track_cli.parsed_options(correspondence_option or []),
        stereo=stereo,
        stereo_options=track_cli.parsed_options(stereo_option or []),
        kinematics=kinematics,
        seed=seed,
    )
    result = track_cli.run(clip, out, config, queries, calibration, kinematics_preset)
    return exit_codes.INTERRUPTED if result.interrupted else 0
