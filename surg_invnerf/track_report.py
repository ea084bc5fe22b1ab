"""`result.json` and the HTML page of a tracked clip."""

import numpy as np

from surg_invnerf import fit_plots
from surg_invnerf.fit.stages import STAGES
from surg_invnerf.tracks.result import Cause
from surgical_perception.evaluation import report, results
from surgical_perception.evaluation.results import Metric

REPORT = 'report.html'
HISTORY, MAPS = 'fit.png', 'error_maps.png'

# The error at the end is the median over the steps of the last so many.
_LAST_STEPS = 50
_MM_PER_M = 1e3


def numbers(result, clip):
    """Return {name: Metric} of a TrackingResult."""
    tracks, measured = result.tracks, result.measured
    history, seconds = result.fit.history, result.seconds
    sigma_mm = _MM_PER_M * np.sqrt(np.trace(tracks.cov_m2, axis1=-2, axis2=-1))
    steps = len(history['loss'])
    found = {
        'frames': Metric(len(clip), '1', 'frames of the clip'),
        'refused': Metric(len(measured.refused), '1', 'frames that could not be used'),
        'points': Metric(len(tracks.ids), '1', 'tracked points'),
        'visible': Metric(float(tracks.visible.mean()), '1', 'share of points seen, all frames'),
        'sigma_median': Metric(
            float(np.median(sigma_mm[tracks.visible])) if tracks.visible.any() else float('nan'),
            'mm',
            'reported 3D standard deviation of a seen point, median',
        ),
        'steps': Metric(steps, '1', 'steps of the fit'),
        'reprojection': Metric(
            float(np.median(history['reprojection_px'][-_LAST_STEPS:])) if steps else float('nan'),
            'px',
            'distance of the fitted model from the correspondences, median at the end',
        ),
        'converged': Metric(
            float(history['converged_share'][-1]) if steps else float('nan'),
            '1',
            'share of image cells that have converged at the end',
        ),
    }
    for stage, time in seconds.items():
        found[f'{stage}_time'] = Metric(
            time['wall'], 's', f'{stage}; {time["cpu"]:.1f} s of computing'
        )
    return found


def stage_table(history):
    """Return rows (stage, cell px at 640, limit px, steps, error px, converged %) of a fit."""
    rows, stages = [], np.asarray(history['stage'])
    for number, stage in enumerate(STAGES):
        inside = np.flatnonzero(stages == number)
        if not len(inside):
            continue
        error = float(np.median(history['reprojection_px'][inside[-_LAST_STEPS:]]))
        share = 100 * float(history['converged_share'][inside[-1]])
        rows.append((number + 1, stage.cell_px, stage.limit_px, len(inside), error, share))
    return rows


def cause_table(tracks):
    """Return rows (cause, share in %) of all points in all frames."""
    return [
        (cause.name.lower().replace('_', ' '), 100 * float((tracks.cause == cause).mean()))
        for cause in Cause
    ]


def write_result(folder, result, clip, config, inputs, seed):
    """Write result.json; `inputs` {name: path} are hashed."""
    status = 'INTERRUPTED' if result.interrupted else 'OK'
    extra = {
        'status': status,
        'clip': clip.name,
        'stages': stage_table(result.fit.history),
        'refused': result.measured.refused,
        'degraded': result.measured.degraded,
        'held_poses': result.measured.held_poses,
        'kinematics': result.measured.observations.has_poses,
        'seconds': result.seconds,
    }
    return results.write_result(
        folder, numbers(result, clip), config, inputs=inputs, seed=seed, extra=extra
    )


def write_report(folder, result, clip, overlay):
    """Write the page with its plots; return its path."""
    observations, fit = result.measured.observations, result.fit
    sections = [report.Section('Tracks', _TRACKS_TEXT, overlay)]
    if len(fit.history['loss']):
        fit_plots.history_curves(folder / HISTORY, fit.history)
        sections += [
            report.Section('How the fit went', _FIT_TEXT, folder / HISTORY),
            report.Section('Stages', header=_STAGE_HEADER, rows=tuple(stage_table(fit.history))),
        ]
    if fit.error_grids:
        images = {index: frame.image for index, frame in observations.frames.items()}
        fit_plots.error_maps(folder / MAPS, fit.error_grids, images)
        sections.append(report.Section('Where the error is', _MAPS_TEXT, folder / MAPS))
    sections.append(
        report.Section(
            'Why points were not seen',
            header=('cause', 'share of all points in all frames (%)'),
            rows=tuple(cause_table(result.tracks)),
        )
    )
    sections += [
        report.Section(title, header=('frame', 'reason'), rows=tuple(sorted(which.items())))
        for title, which in (
            ('Frames that could not be used', result.measured.refused),
            ('Frames that were used all the same', result.measured.degraded),
        )
        if which
    ]
    return report.write_report(
        folder / REPORT,
        f'Tracks of {clip.name}',
        summary(result),
        numbers(result, clip),
        sections,
        'Research use only.',
    )


def summary(result):
    """Return the outcome in one sentence or two."""
    tracks, frames = result.tracks, len(result.tracks.frames)
    steps = len(result.fit.history['loss'])
    text = (
        f'{len(tracks.ids)} points over {frames} frames, seen in {tracks.visible.mean():.0%} of '
        f'them; {steps} steps, {_kinematics(result.measured)}.'
    )
    if result.measured.refused:
        text += f' {len(result.measured.refused)} frames could not be used.'
    if result.interrupted:
        text += ' The fit was interrupted: better tracks are possible.'
    return text


def _kinematics(measured):
    if not measured.observations.has_poses:
        return 'without camera poses'
    held = f', {measured.held_poses} of them held' if measured.held_poses else ''
    return f'with camera poses by kinematics{held}'


_TRACKS_TEXT = (
    'Dots are seen, with their way over the last frames; grey rings are where the model has '
    'points that are hidden.'
)
_FIT_TEXT = (
    'Loss and reprojection error of every batch, thin, and their mean over some steps; cells of '
    'the error grid that are below the limit of their stage.'
)
_MAPS_TEXT = 'Reprojection error per cell of the image, at the end of the fit.'
_STAGE_HEADER = (
    'stage',
    'cell at 640 px width (px)',
    'limit (px)',
    'steps',
    'error at its end (px)',
    'converged cells (%)',
)
