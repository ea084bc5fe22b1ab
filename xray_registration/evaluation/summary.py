"""The numbers of an evaluation, from its rows; a failure counts as an infinite error."""

import numpy as np

from surgical_perception.evaluation import metrics
from surgical_perception.evaluation.results import Metric
from xray_registration.evaluation import capture
from xray_registration.evaluation.rows import CHI2_6_95
from xray_registration.result import Verdict

# An accepted pose that is this wrong is worse than none.
_FALSE_ACCEPT_MM = 5.0
PERCENTILES = (50, 75, 90, 95, 100)

_ERROR_TEXTS = {
    'mtre': ('mtre_mm', 'mm', '3D error on bone'),
    'mpe': ('mpe_mm', 'mm', 'error on the detector'),
    'mpe_px': ('mpe_px', 'px', 'error in the image'),
    'mrpe': ('mrpe_mm', 'mm', 'error across the rays, at the patient'),
    'rotation': ('rotation_deg', 'degrees', 'error of rotation'),
    'in_plane': ('in_plane_mm', 'mm', 'error across the beam'),
    'depth': ('depth_mm', 'mm', 'error along the beam'),
}


def summarise(table):
    """
    Return {name: Metric} of rows.

    Errors are over the rows with a truth, what was not accepted among them as infinite; without
    any truth they are left out.
    """
    found = _verdicts(table)
    true = [row for row in table if row['has_truth']]
    if true:
        found |= _accuracy(true)
    return found | _trust(table) | _times(table)


def capture_numbers(trials):
    """Return {name: Metric} of the dicts of `capture`."""
    errors = [trial['mtre_mm'] for trial in trials]
    farthest_mm = max(trial['start_mtre_mm'] for trial in trials)
    return {
        'capture_range': Metric(
            capture.range_mm(trials),
            'mm',
            f'start error up to which 95 % succeed, in bins of {capture.BIN_MM:g} mm, over '
            f'{len(trials)} starts around the truth of the X-rays that gave a pose (largest '
            f'{farthest_mm:.0f} mm)',
        ),
        'capture_smsr': share(
            [error < metrics.SUCCESS_MM for error in errors], 'share of those starts below 1 mm'
        ),
    }


def percentile_rows(table):
    """Return (header, rows) of the percentiles of each error that is known; () without a truth."""
    true = [row for row in table if row['has_truth']]
    header = ('error', 'unit', *(f'{p} %' if p < 100 else 'largest' for p in PERCENTILES))
    found = []
    for key, unit, text in _ERROR_TEXTS.values() if true else ():
        errors = [row[key] for row in true]
        if _is_known(errors, true):
            values = (metrics.percentile(errors, p) for p in PERCENTILES)
            found.append((f'{text} ({key.rpartition("_")[0]})', unit, *values))
    return header, tuple(found)


def _verdicts(table):
    found = {'shots': Metric(len(table), '1', 'X-rays')}
    for name, verdict in (
        ('ok', Verdict.OK),
        ('degraded', Verdict.DEGRADED),
        ('rejected', Verdict.REJECTED),
    ):
        count = sum(row['verdict'] == verdict.value for row in table)
        found[name] = Metric(count, '1', f'of them {verdict.value}')
    dropped = sum(not row['verdict'] for row in table)
    if dropped:
        found['dropped'] = Metric(dropped, '1', 'of them overtaken by a newer one')
    return found


def _accuracy(true):
    errors = [row['mtre_mm'] for row in true]
    accepted = [error for error in errors if np.isfinite(error)]
    wrong = sum(error > _FALSE_ACCEPT_MM for error in accepted)
    found = {
        'smsr': share(
            [error < metrics.SUCCESS_MM for error in errors],
            'share with mTRE below 1 mm, what was not accepted counting as a failure',
        ),
        'false_accepts': share(
            [error > _FALSE_ACCEPT_MM for error in errors],
            f'share accepted with mTRE above {_FALSE_ACCEPT_MM:g} mm ({wrong} shots)',
        ),
    }
    for name, (key, unit, text) in _ERROR_TEXTS.items():
        values = [row[key] for row in true]
        if _is_known(values, true):
            found[f'{name}_median'] = Metric(
                metrics.percentile(values, 50), unit, f'{text}, median'
            )
            found[f'{name}_p95'] = Metric(metrics.percentile(values, 95), unit, f'{text}, 95 %')
    return found | _starts(true) | _ellipsoids(true)


def _starts(true):
    """Return the error of the first pose that was known before a shot."""
    known = [row['start_mtre_mm'] for row in true if np.isfinite(row['start_mtre_mm'])]
    if not known:
        return {}
    text = '3D error on bone of the first pose that was known before an X-ray'
    return {'start_mtre': Metric(known[0], 'mm', text)}


def _ellipsoids(true):
    distances = [row['squared_distance'] for row in true]
    known = [distance for distance in distances if np.isfinite(distance)]
    if not known:
        return {}
    text = 'share of the truths inside the reported 95 % ellipsoid (6 degrees of freedom)'
    return {'ellipsoids': share([distance <= CHI2_6_95 for distance in known], text)}


def _trust(table):
    """Return what can be said of the accepted poses without a truth."""
    found = {}
    texts = {
        'similarity': 'similarity of X-ray and projection at the last pose, median',
        **{
            f'sigma_{axis}': f'reported standard deviation, {axis}, median'
            for axis in ('right', 'down', 'depth')
        },
    }
    accepted = [row for row in table if row['reference_from_ct'] is not None]
    if not accepted:
        return {}
    columns = np.array([[row['similarity'], *row['sigma_mm']] for row in accepted], float).T
    for (name, text), values in zip(texts.items(), columns, strict=True):
        if np.isfinite(values).any():
            unit = 'mm' if name.startswith('sigma') else '1'
            found[name] = Metric(float(np.nanmedian(values)), unit, text)
    steps = [row['step_mm'] for row in table if np.isfinite(row['step_mm'])]
    if steps:
        text = (
            'between neighbouring accepted shots, the mean way of the bone in the reference '
            f'frame, {{}}: repeatability where the patient lay still ({len(steps)} pairs)'
        )
        found['repeatability_median'] = Metric(
            float(np.median(steps)), 'mm', text.format('median')
        )
        found['repeatability_p95'] = Metric(
            metrics.percentile(steps, 95), 'mm', text.format('95 %')
        )
    return found


def _times(table):
    found = {}
    for name, key, text in (
        ('compute', 'time_s', 'computing time of a registration'),
        ('latency', 'latency_s', 'from the arrival of an X-ray to its pose'),
    ):
        values = [row[key] for row in table if np.isfinite(row[key])]
        if values:
            for label, percent in (('median', 50), ('p95', 95)):
                value = metrics.percentile(values, percent)
                found[f'{name}_{label}'] = Metric(value, 's', f'{text}, {percent} %')
    return found


def share(successes, text):
    """Return the Metric of a share with its 95 % Wilson interval in the text."""
    low, high = metrics.wilson_interval(sum(successes), len(successes))
    return Metric(float(np.mean(successes)), '1', f'{text}; 95 % interval {low:.3f} to {high:.3f}')


def _is_known(values, true):
    """Whether an error is known where a pose was accepted, or nothing was."""
    return any(np.isfinite(values)) or not any(np.isfinite(row['mtre_mm']) for row in true)
