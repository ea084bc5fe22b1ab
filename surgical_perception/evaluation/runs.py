"""Runs that can be compared: a result.json with its metrics and its rows by stamp or frame."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from surgical_perception.errors import InputError
from surgical_perception.evaluation.results import RESULT_FILE

# Where the rows of a run stand in result.json, and what names a row.
_ROWS = {'shots': 'stamp_ns', 'frames': 'frame'}
# Vectors of a row, with the names of their components.
_VECTORS = {'sigma_mm': ('right', 'down', 'depth')}
# What `register` writes at the top level that a row of its one shot holds.
_OF_ONE = ('similarity', 'time_s', 'cost', 'overlap', 'iterations', 'starts')


@dataclass(frozen=True)
class Run:
    """
    One result.json.

    name        for tables and plots
    unit        what a row is: 'shots' or 'frames'
    metrics     {name: (value or NaN, unit, text)}
    rows        {key: {field: value}} in the order of the file; the key is a stamp or a frame
    inputs      {name: sha256}
    isocentre_m point of the CT [3] at which poses are compared, None where the run names none
    """

    name: str
    unit: str
    metrics: dict
    rows: dict
    inputs: dict
    isocentre_m: list | None = None


def read_run(path):
    """
    Read a result.json, or the one in a folder; raises InputError, naming the file, if it is none.

    Runs of `evaluate` (either half), of the demo and of `register` are understood.
    """
    path = Path(path)
    file = path / RESULT_FILE if path.is_dir() else path
    try:
        content = json.loads(file.read_text(encoding='utf-8'))
    except OSError as error:
        raise InputError(f'{file}: cannot be read: {error.strerror}') from None
    except ValueError as error:
        raise InputError(f'{file}: is no JSON: {error}') from None
    if not isinstance(content, dict) or not {'metrics', 'reference_from_ct'} & set(content):
        raise InputError(
            f'{file}: is no result of evaluate, demo or register: it has neither metrics nor '
            'reference_from_ct'
        )
    try:
        return _run(file, content)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f'{file}: is damaged: {type(error).__name__}: {error}') from None


def _run(file, content):
    unit = next((name for name in _ROWS if content.get(name)), 'shots')
    if unit in content:
        rows = {row[_ROWS[unit]]: _flat(row) for row in content[unit]}
    elif 'reference_from_ct' in content:
        # One shot without a stamp: two runs on the same X-rays are a pair.
        rows = {0: _flat(content | {'verdict': content['status']}, _OF_ONE)}
    else:
        rows = {}
    metrics = {
        name: (_number(metric['value']), metric['unit'], metric['text'])
        for name, metric in content.get('metrics', {}).items()
    }
    inputs = {name: item['sha256'] for name, item in content.get('inputs', {}).items()}
    return Run(
        file.parent.name or str(file), unit, metrics, rows, inputs, content.get('isocentre_m')
    )


def _flat(row, fields=None):
    """Return the numbers of a row, with its verdict, pose and frame."""
    found = {}
    accepted = row.get('reference_from_ct') is not None
    for name, value in row.items():
        if name in _VECTORS:
            # How sure one was of a pose that was not accepted is no number to average.
            for component, item in zip(_VECTORS[name], value, strict=True):
                found[f'{name} {component}'] = _number(item if accepted else None)
        elif isinstance(value, bool) or name in _ROWS.values():
            continue
        elif (value is None or isinstance(value, (int, float))) and (
            fields is None or name in fields
        ):
            found[name] = _number(value)
    found['verdict'] = row.get('verdict', '')
    found['has_truth'] = row.get('has_truth', not math.isnan(found.get('mtre_mm', math.nan)))
    found['reference_from_ct'] = row.get('reference_from_ct')
    found['reference_frame'] = row.get('reference_frame', '')
    return found


def _number(value):
    """Return a float; null, which a failure or an unknown becomes in JSON, is NaN."""
    return math.nan if value is None else float(value)
