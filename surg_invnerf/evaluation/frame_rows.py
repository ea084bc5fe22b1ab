"""Errors of a Candidate frame by frame, so that two runs can be compared on the same frames."""

import numpy as np

from surgical_perception.evaluation.tracking import DELTA_3D_MM, DELTA_PX, delta_avg, point_errors

_MM_PER_M = 1e3


def frame_rows(candidate, truth):
    """
    Return one dict for each frame of a TrackTruth in which a point is visible.

    Medians are infinite where half of the points are lost; shares count a lost point as a failure.
    """
    errors = {'px': (point_errors(candidate.uv, truth.uv, truth.visible), DELTA_PX, '2d')}
    if candidate.xyz_m is not None and truth.xyz_m is not None:
        errors_mm = _MM_PER_M * point_errors(candidate.xyz_m, truth.xyz_m, truth.visible)
        errors['mm'] = (errors_mm, DELTA_3D_MM, '3d')
    rows = []
    for frame in np.flatnonzero(truth.visible.any(0)):
        seen = truth.visible[:, frame]
        row = {'frame': int(frame), 'points': int(seen.sum())}
        for unit, (values, limits, name) in errors.items():
            row[f'median_{unit}'] = float(np.median(values[seen, frame]))
            row[f'delta_avg_{name}'] = delta_avg(values[seen, frame], limits)
        rows.append(row)
    return rows
