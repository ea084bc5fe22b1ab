"""`surgical-perception check-bag`."""

from pathlib import Path
from typing import Annotated

import typer

from surgical_perception.verbs import exit_codes


def check_bag(
    bag: Annotated[
        Path, typer.Argument(help='Folder of a bag, or an .mcap or .db3 file.', metavar='BAG')
    ],
    image_topic: Annotated[
        list[str] | None,
        typer.Option(
            help='Topic of the X-rays, one for each view; may be repeated. Guessed without it.',
            metavar='TOPIC',
        ),
    ] = None,
    params_file: Annotated[
        Path | None,
        typer.Option(help='Parameter file of the node that the bag is for.', metavar='FILE.yaml'),
    ] = None,
    frames: Annotated[
        Path | None,
        typer.Option(help='Draw the frames that TF connects.', metavar='FILE.png'),
    ] = None,
):
    """Say what a bag holds and what each node would say to it; exit code 1 where neither works."""
    from surg_invnerf import bag_check as endo
    from surg_invnerf.parameters import SurgInvnerfParameters
    from surgical_perception.bag_check import command
    from surgical_perception.bag_check.given_parameters import values_of
    from xray_registration import bag_check as xray
    from xray_registration.parameters import XrayRegistrationParameters

    values = values_of(
        params_file, {xray.NODE: XrayRegistrationParameters, endo.NODE: SurgInvnerfParameters}
    )

    def check_xray(survey):
        check = xray.check(survey, values[xray.NODE], image_topic or ())
        return _with_file(check, 'xray_params_file')

    def check_endo(survey):
        return _with_file(endo.check(survey, values[endo.NODE]), 'endo_params_file')

    def _with_file(check, argument):
        if check.arguments and values[check.node]:
            check.arguments[argument] = params_file
        return check

    done = command.run(bag, {xray.NODE: check_xray, endo.NODE: check_endo}, frames)
    return 0 if done else exit_codes.FAULTS
