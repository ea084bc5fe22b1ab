"""`surgical-perception evaluate`."""

from pathlib import Path
from typing import Annotated

import typer
import yaml

from surgical_perception.errors import InputError
from surgical_perception.verbs import clip_options

_XRAY_PANEL, _ENDO_PANEL = 'Bag of a C-arm', 'Stereo clip'


def evaluate(
    clip: Annotated[
        str,
        typer.Argument(
            help='A bag of a C-arm, or what `track` takes; which of both a bag is, is guessed '
            'from its topics.',
            metavar='CLIP',
        ),
    ],
    out: Annotated[Path, typer.Option(help='Folder for result.json and report.html.')],
    ct: Annotated[
        Path | None,
        typer.Option(help='CT of the patient in the bag.', rich_help_panel=_XRAY_PANEL),
    ] = None,
    params_file: Annotated[
        Path | None,
        typer.Option(
            help='Parameter file of xray_registration_node.',
            metavar='FILE.yaml',
            rich_help_panel=_XRAY_PANEL,
        ),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            help='One of its parameters, such as reference_frame=patient; may be repeated, beats '
            'the file.',
            metavar='NAME=VALUE',
            rich_help_panel=_XRAY_PANEL,
        ),
    ] = None,
    image_topic: Annotated[
        list[str] | None,
        typer.Option(
            help='Topic of the X-rays, one for each view; may be repeated. Guessed without it.',
            metavar='TOPIC',
            rich_help_panel=_XRAY_PANEL,
        ),
    ] = None,
    truth_topic: Annotated[
        str,
        typer.Option(
            help='PoseStamped of the CT as it truly is; a topic below truth/ without it.',
            metavar='TOPIC',
            rich_help_panel=_XRAY_PANEL,
        ),
    ] = '',
    landmarks: Annotated[
        Path | None,
        typer.Option(
            help='Points of the CT where errors are taken, as `landmarks` writes them; the '
            'surface of the bone without it.',
            metavar='FILE.json',
            rich_help_panel=_XRAY_PANEL,
        ),
    ] = None,
    sdd_mm: Annotated[
        float | None,
        typer.Option(
            help='Source to detector: errors on the detector come in mm too.',
            metavar='MM',
            min=1.0,
            rich_help_panel=_XRAY_PANEL,
        ),
    ] = None,
    starts: Annotated[
        int,
        typer.Option(
            help='Further starts around the truth of each X-ray, to find the capture range.',
            metavar='N',
            min=0,
            rich_help_panel=_XRAY_PANEL,
        ),
    ] = 0,
    truth: Annotated[
        Path | None,
        typer.Option(
            help='True tracks (.npz: queries, uv, visible, xyz_m), or end points (.json), where '
            'the clip has none.',
            metavar='FILE',
            rich_help_panel=_ENDO_PANEL,
        ),
    ] = None,
    tracks: Annotated[
        Path | None,
        typer.Option(
            help='tracks.npz of any tracker; without it the clip is tracked now.',
            metavar='FILE.npz',
            rich_help_panel=_ENDO_PANEL,
        ),
    ] = None,
    queries: clip_options.Queries = None,
    preset: clip_options.Preset = 'small',
    steps: clip_options.Steps = None,
    device: clip_options.Device = 'auto',
    calibration: clip_options.Calibration = None,
    seed: clip_options.Seed = 0,
):
    """Compare poses or tracks with their truth, without ROS; without one, say what can be said."""
    of_xray = {
        '--ct': ct,
        '--params-file': params_file,
        '--param': param,
        '--image-topic': image_topic,
        '--truth-topic': truth_topic,
        '--landmarks': landmarks,
        '--sdd-mm': sdd_mm,
        '--starts': starts,
    }
    of_endo = {
        '--truth': truth,
        '--tracks': tracks,
        '--queries': queries,
        '--preset': preset if preset != 'small' else None,
        '--steps': steps,
        '--calibration': calibration,
    }
    if _is_of_xray(clip, ct or image_topic):
        _refuse(clip, 'a C-arm', of_endo)
        from xray_registration import evaluate as xray

        settings = _settings(param or [])
        if device != 'auto':
            settings.setdefault('device', device)
        options = xray.Options(
            ct=ct,
            params_file=params_file,
            settings=settings,
            image_topics=tuple(image_topic or ()),
            truth_topic=truth_topic,
            landmarks=landmarks,
            sdd_mm=sdd_mm,
            starts=starts,
            seed=seed,
        )
        xray.run(clip, out, options)
        return
    _refuse(clip, 'a stereo endoscope', of_xray)
    from surg_invnerf import evaluate as endoscope
    from surg_invnerf.pipeline import TrackingConfig

    config = TrackingConfig(preset=preset, steps=steps, device=device, seed=seed)
    endoscope.run(clip, out, config, truth, tracks, queries, calibration)


def _is_of_xray(clip, xray_is_named):
    """Tell the half; where it had to be guessed, say on stderr what a bag was taken for."""
    from surgical_perception.bag_half import XRAY, half_of, is_bag

    if xray_is_named or not is_bag(clip):
        return bool(xray_is_named)
    half, why = half_of(clip)
    what = 'a C-arm' if half == XRAY else 'a stereo endoscope'
    typer.echo(f'{clip}: taken for the bag of {what}: {why}', err=True)
    return half == XRAY


def _refuse(clip, what, others):
    """Refuse options of the other half: ignored, they would hide a misunderstanding."""
    given = [name for name, value in others.items() if value]
    if given:
        raise InputError(f'{clip} is of {what}, to which {", ".join(given)} does not belong')


def _settings(words):
    """Return {name: value} of NAME=VALUE, the value as in a parameter file."""
    settings = {}
    for word in words:
        name, found, text = word.partition('=')
        if not found:
            raise InputError(f'--param {word}: expected NAME=VALUE')
        try:
            settings[name] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise InputError(f'--param {word}: the value is no YAML: quote it') from None
    return settings
