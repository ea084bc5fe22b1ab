"""
The `surgical-perception` command.

A verb loads the half that it belongs to when it runs: `--help` answers at once, and this package
imports neither half.  Exit codes: 0 done, 2 bad input (one sentence on stderr), 130 interrupted.
"""

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

import surgical_perception
from surgical_perception.errors import InputError
from surgical_perception.several_values import SeveralValues

PROGRAM = 'surgical-perception'
BAD_INPUT = 2
INTERRUPTED = 130

# What typer and click raise for a bad command line; click's name for it, UsageError, is private
# in some versions of typer.
_UsageError = typer.BadParameter.__base__


class Half(str, Enum):
    """The halves of the package, as `demo --only` names them."""

    xray = 'xray'
    endo = 'endo'


app = typer.Typer(
    name=PROGRAM,
    help='X-ray registration and endoscopic tracking for surgical robotics. Research use only.',
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool):
    if wanted:
        typer.echo(f'{PROGRAM} {surgical_perception.__version__}')
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option('--version', callback=_show_version, is_eager=True, help='Show it.')
    ] = False,
):
    pass


@app.command(cls=SeveralValues)
def register(
    ct: Annotated[
        Path, typer.Option(help='CT: NIfTI, NRRD or MHA file, or the folder of a DICOM series.')
    ],
    image: Annotated[
        list[Path],
        typer.Option(
            help='X-ray(s): 8- or 16-bit PNG or TIFF, or float32 .npy.', metavar='IMG [IMG ...]'
        ),
    ],
    camera: Annotated[
        list[Path],
        typer.Option(
            help='ROS camera_info YAML of each X-ray; camera_from_reference (16 numbers, '
            'row-major, metres) says where its camera is, and several X-rays need it.',
            metavar='CAM.yaml [CAM.yaml ...]',
        ),
    ],
    out: Annotated[Path, typer.Option(help='Folder for result.json and overlay_*.png.')],
    start: Annotated[
        Path | None,
        typer.Option(
            help='{"reference_from_ct": [16 numbers]}. Without it the search begins at an '
            'antero-posterior shot with the CT at the isocentre of the first C-arm.',
            metavar='START.json',
        ),
    ] = None,
    intensity: Annotated[
        str,
        typer.Option(
            help='raw: photon counts, bone dark. log: line integrals, bone bright. inverted: '
            'inverted line integrals, bone dark.',
            metavar='raw|log|inverted',
        ),
    ] = 'raw',
    mask: Annotated[
        list[Path] | None,
        typer.Option(
            help='Mask of each X-ray: not 0 where the image may be used.',
            metavar='MASK [MASK ...]',
        ),
    ] = None,
):
    """Register a CT to one or several X-rays, without ROS; the result says if it can be used."""
    from xray_registration import register_cli

    register_cli.run(ct, image, camera, out, start, intensity, mask or [])


@app.command()
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
    queries: Annotated[
        Path | None,
        typer.Option(
            help='Points to follow, [[u, v, frame], ...] in pixels of the left images; a grid on '
            'the first frame without it.',
            metavar='FILE.json',
        ),
    ] = None,
    preset: Annotated[
        str, typer.Option(help='Size of model and fit.', metavar='small|full')
    ] = 'small',
    steps: Annotated[
        int | None, typer.Option(help='Limit of the steps; the preset has one.', metavar='N')
    ] = None,
    device: Annotated[
        str, typer.Option(help='Where to compute.', metavar='auto|cpu|cuda')
    ] = 'auto',
    calibration: Annotated[
        Path | None,
        typer.Option(help='For a video, and a bag without camera_info.', metavar='FILE.yaml'),
    ] = None,
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
    seed: Annotated[int, typer.Option(help='Of everything random.', metavar='N')] = 0,
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
    return INTERRUPTED if result.interrupted else 0


@app.command()
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
    queries: Annotated[
        Path | None,
        typer.Option(help='Points to follow, [[u, v, frame], ...].', metavar='FILE.json'),
    ] = None,
    preset: Annotated[
        str, typer.Option(help='Size of model and fit.', metavar='small|full')
    ] = 'small',
    steps: Annotated[
        int | None, typer.Option(help='Limit of the steps; the preset has one.', metavar='N')
    ] = None,
    device: Annotated[
        str, typer.Option(help='Where to compute.', metavar='auto|cpu|cuda')
    ] = 'auto',
    calibration: Annotated[
        Path | None,
        typer.Option(help='For a video, and a bag without camera_info.', metavar='FILE.yaml'),
    ] = None,
    seed: Annotated[int, typer.Option(help='Of everything random.', metavar='N')] = 0,
):
    """Compare tracks of a stereo clip with its truth, beside static points and flow chaining."""
    from surg_invnerf import evaluate as endoscope
    from surg_invnerf.pipeline import TrackingConfig

    config = TrackingConfig(preset=preset, steps=steps, device=device, seed=seed)
    endoscope.run(clip, out, config, truth, tracks, queries, calibration)


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option(help='Folder of the runs; its link latest is the newest.')
    ] = (Path('results')),
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


def main(words=None):
    """Run a command line (that of the process by default); return its exit code."""
    words = sys.argv[1:] if words is None else words
    try:
        code = app(args=words or ['--help'], prog_name=PROGRAM, standalone_mode=False) or 0
    except InputError as error:
        return _refuse(str(error))
    except _UsageError as error:
        return _refuse(error.format_message())
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        typer.echo(f'{PROGRAM}: interrupted', err=True)
    return code


def _refuse(reason):
    """Print one sentence, on one line, and return the exit code for bad input."""
    typer.echo(f'{PROGRAM}: {" ".join(reason.split())}', err=True)
    return BAD_INPUT


if __name__ == '__main__':
    sys.exit(main())
