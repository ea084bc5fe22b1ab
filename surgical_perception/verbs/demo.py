"""`surgical-perception demo`."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class Half(str, Enum):
    """The halves of the package, as `demo --only` names them."""

    xray = 'xray'
    endo = 'endo'


def demo(
    out: Annotated[
        Path, typer.Option(help='Folder of the runs; its link latest is the newest.')
    ] = Path('results'),
    only: Annotated[Half | None, typer.Option(help='Run one half.', metavar='xray|endo')] = None,
):
    """Run the real nodes over DDS on simulated input with known truth, and report."""
    from surgical_perception import demo as halves

    runs = {}
    if only is not Half.endo:
        from xray_registration.demo import run as xray

        runs[Half.xray.value] = xray.run
    if only is not Half.xray:
        from surg_invnerf.demo import run as endo

        runs[Half.endo.value] = endo.run
    halves.run(out, runs)
