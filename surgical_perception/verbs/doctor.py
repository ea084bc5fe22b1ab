"""`surgical-perception doctor`."""

from pathlib import Path
from typing import Annotated

import typer

from surgical_perception.verbs import exit_codes


def doctor(
    frames: Annotated[
        Path, typer.Option(help='Picture of the frames that TF connects.', metavar='FILE.png')
    ] = Path('results/frames.png'),
    seconds: Annotated[
        float, typer.Option(help='How long it listens to what runs.', metavar='S')
    ] = 3.0,
    bag: Annotated[
        Path | None,
        typer.Option(help='Draw the frames of this bag, not of what runs.', metavar='BAG'),
    ] = None,
):
    """Examine machine, ROS, DDS and running nodes, and say what to do; exit code 1 for errors."""
    from surgical_perception.doctor import command

    return 0 if command.run(frames, seconds, bag) else exit_codes.FAULTS
