"""`surgical-perception track`: a clip in; tracks, surfaces, depth, pictures and a page out."""

import signal
import threading
from contextlib import contextmanager
from pathlib import Path

import yaml
from rich.console import Console

from surg_invnerf import track_files, track_report
from surg_invnerf.clips import open_clip
from surg_invnerf.pipeline import TrackingPipeline
from surg_invnerf.tracks.query_points import checked_queries, load_queries
from surgical_perception.errors import InputError
from surgical_perception.progress_bars import bars


def run(clip_spec, out, config, queries_path=None, calibration=None, kinematics_preset='ros'):
    """
    Track a clip and write everything to the folder `out`; return the TrackingResult.

    clip_spec       what `open_clip` understands, with its `calibration` and `kinematics_preset`
    config          TrackingConfig
    queries_path    JSON of [[u, v, frame], ...]; None is a grid on the first frame

    Ctrl-C during the fit keeps what is fitted.  Raises InputError for anything that cannot be
    used, before the clip is read wherever possible.
    """
    console, out = Console(stderr=True), Path(out)
    pipeline = TrackingPipeline(config)
    clip = open_clip(clip_spec, calibration, kinematics_preset)
    queries = None
    if queries_path is not None:
        queries = checked_queries(load_queries(queries_path), clip.camera.left, len(clip))
    _make_folder(out)
    with bars(console) as show, _interruptible_fit() as (watch, interrupted):
        result = pipeline.run(clip, queries, _both(show, watch), interrupted)
        if result.interrupted:
            console.print('interrupted: writing what is fitted')
        _write(out, clip, result, show)
    inputs = {**clip.sources, **({'queries': queries_path} if queries_path else {})}
    track_report.write_result(out, result, clip, config, inputs, config.seed)
    console.print(track_report.summary(result), highlight=False)
    console.print(
        f'Look at {out / track_report.REPORT}', markup=False, highlight=False, soft_wrap=True
    )
    return result


def parsed_options(words):
    """Return {name: value} of 'name=value' words, values as YAML; raises InputError."""
    options = {}
    for word in words:
        name, equals, value = word.partition('=')
        if not (name and equals):
            raise InputError(f'{word!r} is no option: expected name=value')
        try:
            options[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            options[name] = value
    return options


def _write(out, clip, result, show):
    """Write the files; tracks come first, so that they are there whatever happens then."""
    steps = (
        ('tracks', lambda: track_files.write_tracks(out, result)),
        ('model', lambda: track_files.write_model(out, result)),
        ('surfaces', lambda: track_files.write_surfaces(out, result)),
        ('depth', lambda: track_files.write_depth(out, result)),
        ('overlay', lambda: track_files.write_overlay(out, clip, result)),
        (
            'report',
            lambda: track_report.write_report(out, result, clip, out / track_files.OVERLAY),
        ),
    )
    for done, (name, write) in enumerate(steps):
        show('writing', done, len(steps), name)
        write()
    show('writing', len(steps), len(steps), '')


@contextmanager
def _interruptible_fit():
    """
    Yield (watch, interrupted): while watch(stage, ...) last said fitting, Ctrl-C is remembered.

    In every other stage, and the second time, it ends the program as usual: there is nothing to
    keep yet, or nobody wants it.
    """
    stage, asked = '', threading.Event()

    def watch(name, *_):
        nonlocal stage
        stage = name

    def on_signal(*_):
        if stage != 'fitting' or asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    if threading.current_thread() is not threading.main_thread():
        yield watch, asked.is_set
        return
    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield watch, asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _both(*functions):
    def call(*arguments):
        for function in functions:
            function(*arguments)

    return call


def _make_folder(out):
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'{out}: is no folder to write to: {error.strerror}') from None
