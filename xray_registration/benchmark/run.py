"""`surgical-perception benchmark registration`: methods and cases in, records and tables out."""

from pathlib import Path

from rich.console import Console

from surgical_perception.errors import InputError
from surgical_perception.progress_bars import bars
from xray_registration.benchmark import report, workers
from xray_registration.benchmark.plan import plan, read_cases, unfinished
from xray_registration.benchmark.records import RecordFile, read_records
from xray_registration.benchmark.rows import rows
from xray_registration.benchmark.trial import TIMEOUT_S


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
        cases, ct_paths = read_cases(case_folders, ct)
        tasks, more = plan(chosen, cases, ct_paths)
    left_out += more
    for text in left_out:
        console.print(text, highlight=False, markup=False, soft_wrap=True)
    number, shards = shard
    records = _records(out)
    todo = unfinished(tasks[number - 1 :: shards], records, out)
    name = 'trials.csv' if shards == 1 else f'trials_{number}_of_{shards}.csv'
    complete = _collect(console, todo, RecordFile(out / name), records, jobs, ray)
    threads = workers.threads(jobs, ray)
    where = 'on a Ray cluster' if ray else f'{jobs} at once'
    settings = {
        'methods': chosen,
        'cases': [
            {'name': case.name, 'group': case.truth.group, 'sha256': case.sha256}
            for case in cases.values()
        ],
        'shard': f'{number}/{shards}',
        'jobs': jobs,
        'ray': ray,
        'threads': threads,
        'timeout_s': TIMEOUT_S,
    }
    notes = [
        f'trials {where}, {threads} threads each; at most {TIMEOUT_S:g} s; p of one comparison',
        *left_out,
    ]
    if records:
        with console.status('drawing'):
            text = report.write(out, list(records.values()), settings, notes)
        Console().print(text, soft_wrap=True, markup=False, highlight=False)
        console.print(f'Look at {out / report.TABLE}', markup=False, highlight=False)
    return complete


def _records(out):
    """Make the folder of the results, and return the {key: Record} that it holds."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'{out}: is no folder to write to: {error.strerror}') from None
    return read_records(out)


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
