"""
Registration without a start, and from two views, on X-rays that another projector made.

    python benchmarks/search.py [--per-position N] [--starts N] [--cases chest,...] [--rows ...]

The C-arm stands within 30 degrees and 60 mm of AP, PA or a lateral, and the registration is not
told of which.  The second view is 60 to 90 degrees away, its relative pose known.  What is
finished is kept, and not run again by the same command; --again starts anew.  Leaves
search/{records.csv,search.md,search.json} in the folder of --out, by default results/benchmarks.
"""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from methods import Outcome
from one_trial import run_trial
from records import RecordFile, markdown, read_records
from rich.console import Console
from search_targets import POSE_RANGE, pairs
from targets import CASES, CHECKOUT
from trials import SOURCE_TO_ISOCENTRE_M, START_RANGES

from surgical_perception.evaluation.metrics import SUCCESS_MM, wilson_interval
from surgical_perception.evaluation.results import provenance, write_json
from surgical_perception.geometry.frames import POSITIONS
from xray_registration.benchmark.starts import starts
from xray_registration.benchmark.xrays import TARGET_ATTENUATION
from xray_registration.config import MultistartConfig, RegistrationConfig
from xray_registration.pyramid import VolumePyramid
from xray_registration.registration import register
from xray_registration.volume.attenuation import attenuation_from_ct

SEED = 20267
_NO_START = f'none; {POSE_RANGE.name} of a position'
# Long, so that a busy machine makes registrations slower but no worse.
_TIMEOUT_S = 600.0
_SEARCH = RegistrationConfig(
    source_to_isocentre_mm=1e3 * SOURCE_TO_ISOCENTRE_M, timeout_s=_TIMEOUT_S
)
_NEAR, _MIDDLE, _, _FAR = START_RANGES.values()
_ALL, _MAIN = ('chest', 'pelvis', 'windowed chest'), ('chest', 'pelvis')


@dataclass(frozen=True)
class Row:
    """One line of the table: how a pair of X-rays is registered, from which starts, of whom."""

    label: str
    run: Callable  # (views, volumes, start, start_range) -> Outcome
    cases: tuple[str, ...]
    start_range: object = None  # None without a start


def _searching(count):
    def run(views, volumes, _start, _start_range):
        return _outcome(register(views[:count], volumes, None, _SEARCH))

    return run


def _one_start(views, volumes, start, _start_range):
    config = RegistrationConfig(init='start', timeout_s=_TIMEOUT_S)
    return _outcome(register(views, volumes, start, config))


def _many_starts(views, volumes, start, start_range):
    box = MultistartConfig(
        rotation_deg=start_range.rotation_deg,
        in_plane_mm=start_range.in_plane_mm,
        depth_mm=start_range.depth_mm,
    )
    config = RegistrationConfig(multistart=box, timeout_s=_TIMEOUT_S)
    return _outcome(register(views, volumes, start, config))


def _outcome(result):
    pose, covariance = result.reference_from_ct, result.covariance
    return Outcome(pose, result.time_s, result.verdict.name, result.starts, covariance)


ROWS = {
    'one-view': Row('no start, one view', _searching(1), _ALL),
    'two-views': Row('no start, two views', _searching(2), _ALL),
    'near': Row('two views, one start', _one_start, _MAIN, _NEAR),
    'middle': Row('two views, one start', _one_start, _MAIN, _MIDDLE),
    'far': Row('two views, multi-start', _many_starts, _MAIN, _FAR),
}


@dataclass(frozen=True)
class _NoStart:
    name: str = _NO_START


def main():
    """Run the benchmark from the command line."""
    options = _options()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    folder, console = options.out / 'search', Console()
    path = folder / 'records.csv'
    records = [] if options.again or not path.exists() else read_records(path)
    file = RecordFile(path, records)
    try:
        for name in options.cases:
            _run(CASES[name], options, file, records, console)
    except KeyboardInterrupt:
        console.print('interrupted: the tables hold what was finished')
    table = f'{markdown(records)}\n{_by_position(records)}'
    (folder / 'search.md').write_text(table, encoding='utf-8')
    about = {'config': _SEARCH, 'target_attenuation': TARGET_ATTENUATION, 'seed': SEED}
    write_json(folder / 'search.json', {**about, 'records': records, **provenance()})
    console.print(table, soft_wrap=True, markup=False, highlight=False)


def _run(case, options, file, records, console):
    """Append to `records` what of a case is still missing there."""
    xrays = pairs(case, options.per_position, SEED)
    done = {_key(record) for record in records}
    volumes = VolumePyramid(attenuation_from_ct(case.ct))
    warm = False
    for row in (ROWS[name] for name in options.rows if case.name in ROWS[name].cases):
        start_range = row.start_range or _NoStart()
        count = options.starts if row.start_range else 1
        begins = starts(
            xrays.carm_from_ct, case.ct.isocentre_m, row.start_range or POSE_RANGE, count, SEED
        )
        for pose, start in ((p, s) for s in range(count) for p in range(len(xrays.views))):
            if (row.label, case.name, start_range.name, pose, start) in done:
                continue
            if not warm:  # grids and compiled kernels, outside the time
                _searching(2)(xrays.views[0], volumes, None, None)
                warm = True
            record = run_trial(row, xrays, volumes, start_range, pose, start, begins[pose, start])
            file.append(record)
            records.append(record)
        console.print(f'{case.name}: {row.label}, {start_range.name}: done', highlight=False)


def _key(record):
    return record.method, record.case, record.start_range, record.pose, record.start


def _by_position(records):
    """Return a table of successes without a start, by standard position."""
    found = [record for record in records if record.start_range == _NO_START]
    labels = dict.fromkeys((record.method, record.case) for record in found)
    lines = ['| method | X-rays | ' + ' | '.join(POSITIONS) + ' |', '| --- ' * 6 + '|']
    for label in labels:
        cells = []
        for number in range(len(POSITIONS)):
            errors = [
                record.mtre_mm
                for record in found
                if (record.method, record.case) == label and record.pose % len(POSITIONS) == number
            ]
            good = sum(error < SUCCESS_MM for error in errors)
            low, high = wilson_interval(good, len(errors))
            cells.append(f'{good} of {len(errors)} ({low:.0%}-{high:.0%})')
        lines.append('| ' + ' | '.join([*label, *cells]) + ' |')
    return '\n'.join(lines) + '\n'


def _options():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--per-position', type=int, default=4, help='poses of each position')
    parser.add_argument('--starts', type=int, default=2, help='of each pose, where there are any')
    parser.add_argument('--cases', type=_names(_ALL), default=list(_ALL))
    parser.add_argument('--rows', type=_names(ROWS), default=list(ROWS), help=', '.join(ROWS))
    parser.add_argument('--again', action='store_true', help='forget what was finished before')
    parser.add_argument('--out', type=Path, default=CHECKOUT / 'results' / 'benchmarks')
    return parser.parse_args()


def _names(known):
    def parse(text):
        names = [name.strip() for name in text.split(',')]
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f'{unknown[0]!r} is none of {", ".join(known)}')
        return names

    return parse


if __name__ == '__main__':
    main()
