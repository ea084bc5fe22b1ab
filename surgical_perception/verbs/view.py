"""`surgical-perception view`."""

from pathlib import Path
from typing import Annotated

import typer


def view(
    bag: Annotated[
        list[Path] | None,
        typer.Argument(
            help='Bags to show together, such as what went in and what came out; without one the '
            'topics of the running nodes are shown.',
            metavar='[BAG ...]',
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            help='Write a recording instead of opening a window; `rerun FILE.rrd` shows it, on '
            'any machine.',
            metavar='FILE.rrd',
        ),
    ] = None,
):
    """Show CT, C-arm, X-rays, poses, tracks and messages in the rerun viewer (extra `view`)."""
    if bag:
        from surgical_perception.viewer.view_command import view_bags

        return view_bags(bag, save)
    from surgical_perception.runtime.environment import prepare_ros

    prepare_ros()
    from surgical_perception.viewer.view_command import view_live

    view_live(save)
    return 0
