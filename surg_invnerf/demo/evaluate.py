"""The node, the fit of the whole clip, and chained flow on the same points, beside the truth."""

from dataclasses import dataclass

import numpy as np

from surg_invnerf.track_scores import TrackScores, after_query, errors_mm, score
from surgical_perception.errors import InputError
from surgical_perception.evaluation.metrics import percentile
from surgical_perception.evaluation.results import Metric
from surgical_perception.evaluation.tracking.accuracy import point_errors

NODE, OFFLINE, CHAINING = 'node', 'offline', 'chaining'


@dataclass(frozen=True)
class Contestant:
    """
    One way to track the points of the demo.

    error_px, error_mm      [T] mean over the visible points of a frame that have a prediction
    """

    name: str
    scores: TrackScores
    error_px: np.ndarray
    error_mm: np.ndarray


def known_points(published, clip):
    """
    Return the rows of published points whose truth is known: those first seen on tissue.

    Raises InputError where there is none.
    """
    queries = np.array(published.queries)
    camera = clip.camera.left
    u, v = np.rint(queries[:, 0]).astype(int), np.rint(queries[:, 1]).astype(int)
    rows = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    for frame in np.unique(queries[:, 2]).astype(int):
        tool = clip.truth.tool(frame)
        here = rows & (queries[:, 2] == frame)
        rows[here] &= ~tool[v[here], u[here]]
    if not rows.any():
        raise InputError('the node tracked no point of the tissue: see its log')
    return np.flatnonzero(rows)


def contest(name, truth, queries, uv, xyz_m, visible, cov_m2=None):
    """Return the Contestant of predictions [N, T, ...] of queries [N, 3]; NaN where none."""
    judged = after_query(queries, np.arange(truth.uv.shape[1]))
    seen = truth.visible & judged
    return Contestant(
        name,
        score(truth, judged, uv, xyz_m, visible, cov_m2),
        _mean_per_frame(point_errors(uv, truth.uv, seen), seen),
        _mean_per_frame(errors_mm(xyz_m, truth, seen), seen),
    )


def summarise(contestants, recording, clip):
    """Return {name: Metric} of the Contestants and of the node's timing."""
    found = {}
    for contestant in contestants:
        for key, unit, text in _SCORES:
            value = getattr(contestant.scores, key)
            if np.isnan(value):
                continue
            found[f'{contestant.name}_{key}'] = Metric(value, unit, f'{contestant.name}: {text}')
    latencies = [
        float(values['latency_s'])
        for values in recording.statuses.values()
        if 'latency_s' in values
    ]
    found['node_latency_p95'] = Metric(
        percentile(latencies, 95) if latencies else float('nan'),
        's',
        'node: from the arrival of a stereo pair to its tracks, 95 %',
    )
    found['node_answered'] = Metric(
        100 * len(recording.tracks.frames) / len(clip),
        '%',
        'node: share of the stereo pairs for which it published tracks',
    )
    return found


def _mean_per_frame(errors, seen):
    """Return [T]: the mean of the finite errors [N, T] of points that are seen; NaN for none."""
    known = seen & np.isfinite(errors)
    total = np.where(known, errors, 0).sum(0)
    with np.errstate(invalid='ignore'):
        return total / np.where(known.any(0), known.sum(0), np.nan)


_SCORES = (
    ('delta_px', '%', '2D delta_avg (1 to 16 px)'),
    ('delta_mm', '%', '3D delta_avg (0.5 to 8 mm)'),
    ('last_px', 'px', 'mean error in the last frame'),
    ('visibility', '%', 'told rightly whether a point is seen'),
    ('ellipsoid', '%', 'truths within the 95 % ellipsoid'),
    ('coverage', '%', 'visible points for which there is a position'),
)
