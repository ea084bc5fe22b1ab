"""`surgical-perception benchmark registration`: methods and cases in, records and tables out."""

from pathlib import Path

from rich.console import Console

from surgical_perception.errors import InputError
from surgical_perception.progress_bars import bars
from xray_registration.assembly import load_network
from xray_registration.benchmark import report, workers
from xray_registration.benchmark.case_folder import find_cases, read_case
from xray_registration.benchmark.records import NO_START, RecordFile, read_records
from xray_registration.benchmark.rows import rows
from xray_registration.benchmark.trial import TIMEOUT_S, Task, load_cached


def run(methods, case_folders, out, weights=(), ct=None, shard=(1, 1), jobs=1, ray=False):
    """
    Run every method on every case and write records, table, result.json and pictures to `out`.

    methods     names of rows.COMPARED
    ct          path of the CT instead of the one that the cases name; None takes theirs
    shard       (k, n): only trials k, k + n, k + 2 n, ... of all
    jobs        processes at once
    ray         on a Ray cluster instead

    Trials that `out` holds are not run again.  Returns whether all were run: Ctrl-C ends early and
    keeps what is finished.  Raises InputError for what cannot be used, before anything is run.
    """
    if ray and jobs > 1:
        raise InputError('--ray and --jobs exclude each other: a Ray cluster has its own workers')
    console, out = Console(stderr=True), Path(out)
    chosen, left_out = rows(methods, weights)
    with console.status('reading the cases'):
        cases = [(folder, read_case(folder)) for folder in find_cases(case_folders)]
        ct_paths = _verified_cts(cases, ct)
    tasks, more = _tasks(chosen, cases, ct_paths)
    left_out += more
    for text in left_out:
        console.print(text, highlight=False, markup=False, soft_wrap=True)
    if not tasks:
        raise InputError('nothing is left to run: give --weights, other --methods or other cases')
    _check_weights(chosen, tasks)
    number, shards = shard
    tasks = tasks[number - 1 :: shards]
    out.mkdir(parents=True, exist_ok=True)
    records = read_records(out)
    _check_same(tasks, records, out)
    todo = [task for task in tasks if task.key not in records]
    name = 'trials.csv' if shards == 1 else f'trials_{number}_of_{shards}.csv'
    complete = _collect(console, todo, RecordFile(out / name), records, jobs, ray)
    threads = workers.threads(jobs, ray)
    where = 'on a Ray cluster' if ray else f'{jobs} at once'
    notes = [
        f'trials {where}, {threads} threads each; at most {TIMEOUT_S:g} s; p of one comparison',
        *left_out,
    ]
    settings = {
        'methods': chosen,
        'cases': [{'name': c.name, 'group': c.truth.group, 'sha256': c.sha256} for _, c in cases],
        'shard': f'{number}/{shards}',
        'jobs': jobs,
        'ray': ray,
        'threads': threads,
        'timeout_s': TIMEOUT_S,
    }
    if records:
        with console.status('drawing'):
            text = report.write(out, list(records.values()), settings, notes)
        Console().print(text, soft_wrap=True, markup=False, highlight=False)
        console.print(f'Look at {out / report.TABLE}', markup=False, highlight=False)
    return complete


def _collect(console, todo, file, records, jobs, ray):
    """Run Tasks and keep each Record at once; return False where Ctrl-C ended it."""
    if ray:
        found = workers.through_ray(todo)
    elif jobs > 1:
        found = workers.in_processes(todo, jobs)
    else:
        found = workers.in_this_process(todo)
    failures = 0
    try:
        with bars(console) as show:
            show('trials', 0, len(todo), '')
            for number, record in enumerate(found, 1):
                file.append(record)
                records[record.key] = record
                failures += bool(record.error)
                show('trials', number, len(todo), f'{record.method}; {failures} failures')
    except KeyboardInterrupt:
        return False
    finally:
        found.close()
    return True


def _verified_cts(cases, given):
    """Return {case name: path of its CT}; raises InputError where that is another CT."""
    paths = {}
    for _, case in cases:
        path = Path(given) if given else case.ct_path
        loaded = load_cached(path)
        if loaded.sha256 != case.truth.ct_sha256:
            raise InputError(
                f'{path} has SHA-256 {loaded.sha256[:12]}, but {case.name} is of the CT '
                f'{case.truth.ct_sha256[:12]}: give that one as --ct'
            )
        paths[case.name] = path
    return paths


def _tasks(chosen, cases, ct_paths):
    """Return (Tasks, row by row, and of each row CT by CT; sentences on what is left out)."""
    tasks, left_out = [], {}
    for row in chosen:
        for folder, case in cases:
            reason = row.why_not(case.truth)
            if reason:
                key = f'{row.name} is left out of {case.truth.group}: {reason}'
                left_out[key] = None
                continue
            numbers = range(len(case.truth.starts)) if row.uses_start else []
            tasks += [
                Task(row, folder, case.sha256, case.name, ct_paths[case.name], number)
                for number in (numbers or [NO_START])
            ]
    return tasks, list(left_out)


def _check_weights(chosen, tasks):
    """Load the weights once, so that damaged ones are refused before anything is run."""
    for row in chosen:
        if row.weights and any(task.row == row for task in tasks):
            load_network(row.compared.kind, row.weights, next(iter(row.ct_sha256), None))


def _check_same(tasks, records, out):
    """Refuse to go on with records of other X-rays or weights."""
    for task in tasks:
        if task.key in records and not task.is_of(records[task.key]):
            raise InputError(
                f'{out} holds a record of {task.row.name} on {task.case} with other X-rays or '
                'weights: give another --out'
            )
