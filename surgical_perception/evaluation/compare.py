"""
`surgical-perception compare`: two runs, shot by shot.

A difference is second minus first.  Its 95 % interval comes from a paired bootstrap over the rows
that both runs have, drawn in blocks, because neighbours resemble each other.
"""

from dataclasses import dataclass

import numpy as np

from surgical_perception.errors import InputError
from surgical_perception.evaluation.runs import read_run
from surgical_perception.evaluation.tracking.bootstrap import paired_bootstrap
from surgical_perception.geometry import se3

_SUCCESS_MM = 1.0
_MM_PER_M = 1e3
# A bootstrap over fewer pairs than this is an interval in name only.
_MIN_PAIRS = 5
# Poses and their frames are compared as poses.
_NO_NUMBER = ('has_truth', 'reference_from_ct', 'reference_frame', 'verdict')


@dataclass(frozen=True)
class Change:
    """
    One number of both runs.

    first, second       means over the rows that have it in both
    low, high           95 % interval of the mean of second minus first; NaN with too few rows
    rows                how many there are
    only_first          rows in which only the first run has the number; likewise only_second
    """

    name: str
    first: float
    second: float
    low: float
    high: float
    rows: int
    only_first: int = 0
    only_second: int = 0

    @property
    def difference(self):
        """Second minus first."""
        return self.second - self.first

    @property
    def differs(self):
        """Whether the interval leaves out zero."""
        return bool(self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Comparison:
    """
    Two runs beside each other.

    keys        stamps or frames that both have
    changes     Changes of what their rows hold
    metrics     [(name, unit, text, first, second)] of the metrics that both have
    verdicts    [(key, first, second)] where they differ
    apart       {'mm': [N], 'deg': [N]} between the poses of both runs, at the isocentre
    notes       sentences for the reader
    """

    first: object
    second: object
    keys: list
    changes: list
    metrics: list
    verdicts: list
    apart: dict
    notes: list


def compare(first_path, second_path):
    """Read two runs and return their Comparison; raises InputError where they share nothing."""
    first, second = read_run(first_path), read_run(second_path)
    keys = [key for key in first.rows if key in second.rows] if first.unit == second.unit else []
    metrics = [
        (name, unit, text, value, second.metrics[name][0])
        for name, (value, unit, text) in first.metrics.items()
        if name in second.metrics and second.metrics[name][1] == unit
    ]
    if not keys and not metrics:
        raise InputError(
            f'{first_path} and {second_path} share no stamp and no metric: compare runs on the '
            'same input'
        )
    pairs = [(first.rows[key], second.rows[key]) for key in keys]
    return Comparison(
        first,
        second,
        keys,
        _changes(pairs),
        metrics,
        [
            (key, a['verdict'], b['verdict'])
            for key, (a, b) in zip(keys, pairs, strict=True)
            if a['verdict'] != b['verdict']
        ],
        _apart(pairs, first.isocentre_m),
        _notes(first, second, keys),
    )


def _changes(pairs):
    """Return the Changes of every number that rows of both runs have, and of two shares."""
    names = dict.fromkeys(
        name for row in pairs for name in row[0] if name in row[1] and name not in _NO_NUMBER
    )
    columns = {
        name: np.array([[row.get(name, np.nan) for row in pair] for pair in pairs], float)
        for name in names
    }
    found = []
    if pairs and any(row['verdict'] for pair in pairs for row in pair):
        accepted = [[row['reference_from_ct'] is not None for row in pair] for pair in pairs]
        found.append(_change('accepted (share)', np.array(accepted, float)))
    judged = np.array([any(row['has_truth'] for row in pair) for pair in pairs], bool)
    if judged.any():
        # What was not accepted has no error, and is not below 1 mm.
        good = columns['mtre_mm'][judged] < _SUCCESS_MM
        found.append(_change('mTRE below 1 mm (share)', good.astype(float)))
    return found + [
        _change(name, column)
        for name, column in columns.items()
        if np.isfinite(column).all(1).any()
    ]


def _change(name, column):
    """Return the Change of a column [N, 2]; NaN in one run takes a row out, and is counted."""
    known = np.isfinite(column)
    kept = column[known.all(1)]
    low = high = float('nan')
    if len(kept) >= _MIN_PAIRS:
        block = max(1, round(len(kept) ** (1 / 3)))
        gain = paired_bootstrap(kept[:, 1], kept[:, 0], block=block)
        low, high = gain.low, gain.high
    first, second = kept.mean(0)
    only = [int((known[:, i] & ~known[:, 1 - i]).sum()) for i in (0, 1)]
    return Change(name, float(first), float(second), low, high, len(kept), *only)


def _apart(pairs, isocentre_m):
    """Return how far apart the poses of both runs are, where both have one in one frame."""
    found = {'mm': [], 'deg': []}
    for pair in pairs:
        poses = [row['reference_from_ct'] for row in pair]
        if None in poses or pair[0]['reference_frame'] != pair[1]['reference_frame']:
            continue
        a, b = (np.reshape(pose, (4, 4)).astype(float) for pose in poses)
        found['deg'].append(float(np.degrees(se3.rotation_angle(se3.inverse(a) @ b))))
        if isocentre_m is not None:
            shift = se3.apply(b, isocentre_m) - se3.apply(a, isocentre_m)
            found['mm'].append(_MM_PER_M * float(np.linalg.norm(shift)))
    return found


def _notes(first, second, keys):
    notes = []
    if first.unit != second.unit:
        notes.append(f'{first.name} has {first.unit}, {second.name} {second.unit}: none is paired')
    else:
        for run, other in ((first, second), (second, first)):
            alone = len(run.rows) - len(keys)
            if alone:
                notes.append(f'{alone} {run.unit} of {run.name} are not in {other.name}')
    differ = [
        name
        for name in first.inputs
        if name in second.inputs and first.inputs[name] != second.inputs[name]
    ]
    if differ:
        notes.append(f'the runs had another {", ".join(differ)}')
    if 0 < len(keys) < _MIN_PAIRS:
        notes.append(f'{len(keys)} pairs are too few for intervals: {_MIN_PAIRS} are needed')
    return notes
