"""One record per registration, and the tables that are made of them."""

import csv
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from scipy.stats import chi2

from surgical_perception.evaluation.metrics import (
    SUCCESS_MM,
    percentile,
    success_rate,
    wilson_interval,
)

# The squared Mahalanobis distance within which 95 % of poses lie, for six dimensions.
_ELLIPSOID_95 = chi2.ppf(0.95, 6)

# An accepted pose that is this wrong would mislead a surgeon: a false accept.
FALSE_ACCEPT_MM = 5.0


@dataclass(frozen=True)
class Record:
    """One method from one start; a method that raised has infinite errors."""

    method: str
    case: str
    start_range: str
    pose: int
    start: int
    start_mtre_mm: float
    mtre_mm: float
    in_plane_mm: float
    depth_mm: float
    rotation_deg: float
    mahalanobis2: float
    time_s: float
    verdict: str
    starts_used: int
    error: str


class RecordFile:
    """A CSV that holds every record from the moment it exists."""

    def __init__(self, path, records=()):
        """Begin the file anew, with the records of an earlier run where there are any."""
        self._path = Path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open('w', newline='', encoding='utf-8') as stream:
            csv.writer(stream).writerow([f.name for f in fields(Record)])
        for record in records:
            self.append(record)

    def append(self, record):
        """Write one record through to the disk."""
        row = [f'{x:.6g}' if isinstance(x, float) else x for x in astuple(record)]
        with self._path.open('a', newline='', encoding='utf-8') as stream:
            csv.writer(stream).writerow(row)


def read_records(path):
    """Return the Records of a CSV that a RecordFile wrote."""
    kinds = {f.name: f.type for f in fields(Record)}
    with Path(path).open(newline='', encoding='utf-8') as stream:
        rows = list(csv.DictReader(stream))
    return [Record(**{name: kinds[name](text) for name, text in row.items()}) for row in rows]


def conditions(records):
    """Group records by (method, case, start range), in the order of their first appearance."""
    groups = {}
    for record in records:
        groups.setdefault((record.method, record.case, record.start_range), []).append(record)
    return groups


_COLUMNS = (
    'method',
    'X-rays',
    'starts within',
    'trials',
    f'< {SUCCESS_MM:g} mm (95 % interval)',
    'median mm',
    '75 % mm',
    '95 % mm',
    'time s',
    '95 % s',
    'false accepts',
    'good refused',
    'OK within 95 % ellipsoid',
)


def markdown(records):
    """Return a table with one row per condition; errors are mTRE in 3D over bone."""
    rows = [_COLUMNS, ['---'] * len(_COLUMNS)]
    rows += [_row(key, group) for key, group in conditions(records).items()]
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in rows) + '\n'


def _row(key, group):
    errors = np.array([r.mtre_mm for r in group])
    times = [r.time_s for r in group]
    low, high = wilson_interval(int((errors < SUCCESS_MM).sum()), len(group))
    share = success_rate(errors)
    has_verdict = any(r.verdict for r in group)
    false_accepts = sum(r.verdict == 'OK' and r.mtre_mm > FALSE_ACCEPT_MM for r in group)
    good_refused = sum(r.verdict == 'REJECTED' and r.mtre_mm < SUCCESS_MM for r in group)
    return [
        *key,
        str(len(group)),
        f'{share:.1%} ({low:.0%}-{high:.0%})',
        *(f'{percentile(errors, p):.3g}' for p in (50, 75, 95)),
        *(f'{np.nanpercentile(times, p):.2f}' for p in (50, 95)),
        *(str(n) if has_verdict else '' for n in (false_accepts, good_refused)),
        _coverage([r.mahalanobis2 for r in group if r.verdict == 'OK']),
    ]


def _coverage(mahalanobis2):
    """Return the share of accepted poses whose reported covariance holds the truth."""
    if not mahalanobis2:
        return ''
    return f'{np.mean(np.array(mahalanobis2) <= _ELLIPSOID_95):.0%}'
