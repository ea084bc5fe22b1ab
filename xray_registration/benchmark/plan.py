"""Which trials a benchmark is made of."""

from pathlib import Path

from surgical_perception.errors import InputError
from xray_registration.assembly import load_network
from xray_registration.benchmark.case_folder import find_cases, read_case
from xray_registration.benchmark.records import NO_START
from xray_registration.benchmark.trial import Task, load_cached


def read_cases(folders, ct):
    """
    Return {case folder: Case} of folders, and {case name: path of its CT}.

    ct      path of the CT of all of them; None takes those that the cases name

    Raises InputError for what cannot be used, and for a CT that is not the case's.
    """
    cases = {folder: read_case(folder) for folder in find_cases(folders)}
    ct_paths = {}
    for case in cases.values():
        path = ct_paths[case.name] = Path(ct) if ct else case.ct_path
        found, expected = load_cached(path).sha256, case.truth.ct_sha256
        if found != expected:
            raise InputError(
                f'{path} has SHA-256 {found[:12]}, but {case.name} is of the CT '
                f'{expected[:12]}: give that one as --ct'
            )
    return cases, ct_paths


def plan(rows, cases, ct_paths):
    """
    Return (Tasks, row by row; sentences on what is left out).

    Raises InputError where nothing is left, and for weights that are damaged.
    """
    alike = sorted(cases.items(), key=lambda item: _configuration(item[1].truth))
    tasks, left_out, by_name = [], {}, {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    for name, of_name in by_name.items():
        for folder, case in alike:
            reasons = {row: row.why_not(case.truth) for row in of_name}
            row = next((row for row, reason in reasons.items() if not reason), None)
            if row is None:
                reason = reasons[of_name[0]]
                left_out[f'{name} is left out of {case.truth.group}: {reason}'] = None
                continue
            numbers = range(len(case.truth.starts)) if row.uses_start else []
            tasks += [
                Task(row, folder, case.sha256, case.name, ct_paths[case.name], number)
                for number in (numbers or [NO_START])
            ]
    if not tasks:
        raise InputError('nothing is left to run: give --weights, other --methods or other cases')
    for row in dict.fromkeys(task.row for task in tasks):
        if row.weights:
            load_network(row.compared.kind, row.weights, next(iter(row.ct_sha256), None))
    return tasks, list(left_out)


def unfinished(tasks, records, out):
    """
    Return the Tasks that {key: Record} does not hold.

    Raises InputError where it holds a record of other X-rays or weights.
    """
    for task in tasks:
        if task.key in records and not task.is_of(records[task.key]):
            raise InputError(
                f'{out} holds a record of {task.row.name} on {task.case} with other X-rays or '
                'weights: give another --out'
            )
    return [task for task in tasks if task.key not in records]


def _configuration(truth):
    """Return what cases have in common that the same prepared pipeline can take."""
    start_range = truth.start_range.name if truth.start_range else ''
    return truth.ct_sha256, truth.region, truth.automatic_masks, start_range
