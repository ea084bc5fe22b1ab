"""`surgical-perception replay`."""

from pathlib import Path
from typing import Annotated

import typer

from surgical_perception.verbs import exit_codes


def replay(
    bag: Annotated[
        Path, typer.Argument(help='Folder of a bag, or an .mcap or .db3 file.', metavar='BAG')
    ],
    rate: Annotated[float, typer.Option(help='Playing speed; 2 is twice as fast.')] = 1.0,
    loop: Annotated[
        bool, typer.Option('--loop', help='Start again at the end; /clock jumps back.')
    ] = False,
    paused: Annotated[
        bool,
        typer.Option('--paused', help='Begin paused: space goes on, s plays one image.'),
    ] = False,
    topic: Annotated[
        list[str] | None,
        typer.Option(help='Play this topic only; may be repeated.', metavar='TOPIC'),
    ] = None,
    wait: Annotated[
        float,
        typer.Option(help='Longest wait for subscribers of the images, in seconds.', metavar='S'),
    ] = 60.0,
):
    """Replay a bag into running nodes, with /clock: give the nodes use_sim_time:=true."""
    from surgical_perception.runtime.environment import prepare_ros

    prepare_ros()
    from surgical_perception.ros import replay_command

    stopped = replay_command.run(
        {
            'bag': str(bag),
            'rate': rate,
            'loop': loop,
            'paused': paused,
            'topics': topic or [],
            'wait_for': 'images',
            'wait_s': wait,
        }
    )
    return exit_codes.INTERRUPTED if stopped else 0
