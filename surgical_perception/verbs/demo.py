"""`surgical-perception demo`."""

from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer


class Half(str, Enum):
    """What `demo --only` can show."""

    xray = 'xray'
    endo = 'endo'
    learned = 'learned'


_RUNS = {
    Half.xray: 'xray_registration.demo.run',
    Half.endo: 'surg_invnerf.demo.run',
    Half.learned: 'xray_registration.demo.learned',
}


def demo(
    out: Annotated[
        Path, typer.Option(help='Folder of the runs; its link latest is the newest.')
    ] = Path('results'),
    only: Annotated[
        Half | None,
        typer.Option(
            help='Run one half; learned: C-arm registration without a start, by trained networks.',
            metavar='xray|endo|learned',
        ),
    ] = None,
):
    """Run the real nodes over DDS on simulated input with known truth, and report."""
    from surgical_perception import demo as halves

    wanted = [only] if only else [Half.xray, Half.endo]
    halves.run(out, {half.value: import_module(_RUNS[half]).run for half in wanted})
