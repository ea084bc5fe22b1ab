"""`surgical-perception evaluate`: tracks of a clip beside its truth and the controls."""

from pathlib import Path

from rich.console import Console

from surg_invnerf.clips import open_clip
from surg_invnerf.evaluation import candidate, page, scores
from surg_invnerf.evaluation.depth_scores import depth_scores
from surg_invnerf.evaluation.frame_rows import frame_rows
from surg_invnerf.evaluation.truth import truth_of
from surg_invnerf.measured_clip import measure
from surg_invnerf.pipeline import TrackingPipeline
from surgical_perception.errors import InputError
from surgical_perception.progress_bars import bars


def run(clip_spec, out, config, truth=None, tracks=None, queries=None, calibration=None):
    """
    Evaluate and write `out`/result.json and `out`/report.html; return {candidate: {name: Metric}}.

    clip_spec   what `open_clip` understands, with its `calibration`
    config      TrackingConfig of the tracker, which runs unless `tracks` are given
    truth       file of the truth; else the clip must hold it
    tracks      tracks.npz of any tracker
    queries     JSON of [[u, v, frame], ...], where the truth can be had for any point

    Raises InputError for anything that cannot be used.
    """
    console, out = Console(stderr=True), Path(out)
    pipeline = TrackingPipeline(config)
    clip = open_clip(clip_spec, calibration)
    known = truth_of(clip, queries, truth)
    given = None if tracks is None else candidate.load(tracks, known.queries, len(clip))
    _make_folder(out)
    with bars(console) as show:
        judged, observations = _judged(pipeline, clip, known, given, show)
        show('controls', 0, 1, '')
        candidates = [judged, *candidate.of_controls(observations, known.queries, clip)]
        show('controls', 1, 1, '')
        found = {c.name: _scores(c, known, clip) for c in candidates}
        if known.depth_maps is not None:
            show('depth', 0, 1, '')
            _add_depth(found, candidates, known, observations, clip)
            show('depth', 1, 1, '')
    found = {name: metrics for name, metrics in found.items() if metrics}
    curves, frames = None, ()
    if known.tracks is not None:
        curves = page.error_curves(out / page.CURVES, candidates, known.tracks)
        frames = frame_rows(candidates[0], known.tracks)
    files = {'truth': truth, 'tracks': tracks, 'queries': queries}
    inputs = {**clip.sources, **{name: path for name, path in files.items() if path is not None}}
    path = page.write(out, clip, found, config, inputs, config.seed, curves, frames)
    console.print(page.summary(found), highlight=False, soft_wrap=True)
    console.print(f'Look at {path}', markup=False, highlight=False, soft_wrap=True)
    return found


def _judged(pipeline, clip, known, given, show):
    """Return (the Candidate to judge, Observations of the clip)."""
    if given is None:
        result = pipeline.run(clip, known.queries, show)
        return candidate.of_result(result), result.measured.observations
    config = pipeline.config
    measured = measure(
        clip, config.observe, config.kinematics, lambda *done: show('measuring', *done, '')
    )
    return given, measured.observations


def _scores(judged, known, clip):
    if known.tracks is not None:
        return scores.track_scores(judged, known.tracks, clip.camera.left)
    if known.end_points is not None:
        return scores.end_point_scores(judged, known.end_points)
    return {}


def _add_depth(found, candidates, known, observations, clip):
    """Add depth errors: of the model where there is one, and of stereo alone as its control."""
    judged, control = candidates[0], candidates[-1]
    kept = [c for c in (judged, control) if c.depth_m is not None]
    rows = depth_scores(
        kept,
        known.depth_maps(),
        observations.camera.left,
        clip.camera.left,
        set(observations.frames),
    )
    for name, metrics in zip((c.name for c in kept), rows, strict=True):
        found[name] = found[name] | metrics


def _make_folder(out):
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'{out}: is no folder to write to: {error.strerror}') from None
