"""
Registration accuracy and speed on X-rays that another projector made.

    python benchmarks/registration.py [--quick] [--methods lm,multistart,...] [--cases chest,...]
        [--weights DIR ...]

Every method sees the same X-rays and starts; learned ones run where --weights holds a network for
the CT.  Ctrl-C keeps what is finished.  Leaves registration.{md,csv,json,png} in the folder of
--out, by default results/benchmarks.
"""

import argparse
import os
from itertools import product
from pathlib import Path

import torch
from methods import METHODS
from one_trial import run_trial
from records import RecordFile, markdown
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from success_plot import save_success_plot
from targets import CASES, CHECKOUT, targets
from trials import START_RANGES

from surgical_perception.errors import InputError
from surgical_perception.evaluation.results import provenance, write_json
from xray_registration.benchmark.starts import starts
from xray_registration.benchmark.xrays import TARGET_ATTENUATION
from xray_registration.config import RegistrationConfig
from xray_registration.learned.network import load_similarity
from xray_registration.learned.weights import read_card
from xray_registration.pyramid import VolumePyramid
from xray_registration.volume.attenuation import attenuation_from_ct

SEED = 20261
POSES, STARTS_PER_POSE = 10, 3
QUICK = {'poses': 3, 'starts': 1, 'methods': ['lm', 'multistart'], 'cases': ['chest', 'pelvis']}
_RANGES = {f'{r.rotation_deg:g}': r for r in START_RANGES.values()}


def main():
    """Run the benchmark from the command line."""
    options = _options()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    options.out.mkdir(parents=True, exist_ok=True)
    console, records = Console(), []
    try:
        with _progress(console) as progress:
            _run(options, progress, records)
    except KeyboardInterrupt:
        console.print('interrupted: the tables hold what was finished')
    if records:
        _write(options, records)
        console.print(markdown(records), soft_wrap=True, markup=False, highlight=False)
        console.print(f'results: {options.out}/registration.md, .csv, .json, .png')


def _run(options, progress, records):
    """Run every condition that is asked for; `records` holds what is finished at any time."""
    file = RecordFile(options.out / 'registration.csv')
    for case in (CASES[name] for name in options.cases):
        try:
            xrays, volumes = _prepared(case, options, progress)
        except InputError as error:
            progress.console.print(f'{case.name} is left out: {error}')
            continue
        for method, start_range in product(options.methods, options.within):
            trials = _trials(METHODS[method], case, start_range, options)
            if not trials or (METHODS[method].needs_network and not volumes.networks):
                continue
            task = progress.add_task(
                f'{case.name}: {method}, {start_range.name}', total=len(trials)
            )
            poses = starts(
                xrays.carm_from_ct, case.ct.isocentre_m, start_range, options.starts, SEED
            )
            for pose, start in trials:
                record = run_trial(
                    METHODS[method], xrays, volumes, start_range, pose, start, poses[pose, start]
                )
                file.append(record)
                records.append(record)
                progress.advance(task)


def _prepared(case, options, progress):
    """Return Targets and a VolumePyramid whose grids exist, with every kernel compiled."""
    task = progress.add_task(f'{case.name}: X-rays and volumes', total=None)
    try:
        xrays = targets(case, options.poses, SEED)
        volumes = VolumePyramid(attenuation_from_ct(case.ct), _networks(case, options))
        start_range = next(iter(START_RANGES.values()))
        METHODS['lm'].run(xrays.views[0], volumes, xrays.carm_from_ct[0], start_range)
    finally:
        progress.remove_task(task)
    return xrays, volumes


def _networks(case, options):
    """Return the first similarity network of --weights that is for a case's CT, by its kind."""
    for folder in options.weights:
        card = read_card(folder)
        if card.agnostic or case.ct.sha256 in card.ct_sha256:
            return {'similarity': load_similarity(folder, case.ct.sha256)}
    return {}


def _trials(method, case, start_range, options):
    """List (pose, start): the first start of every pose comes first, so a few cover all poses."""
    if (case.name, start_range.name) not in method.conditions:
        return []
    pairs = product(range(options.starts), range(options.poses))
    return [(pose, start) for start, pose in pairs][: method.max_trials]


def _write(options, records):
    table = markdown(records)
    (options.out / 'registration.md').write_text(table, encoding='utf-8')
    save_success_plot(options.out / 'registration.png', records, START_RANGES)
    about = {
        'config': RegistrationConfig(),
        'target_attenuation': TARGET_ATTENUATION,
        'start_ranges': list(START_RANGES.values()),
        'seed': SEED,
        'records': records,
        **provenance(),
    }
    write_json(options.out / 'registration.json', about)


def _options():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--quick', action='store_true', help='3 poses, 1 start, our methods only')
    parser.add_argument('--methods', type=_names(METHODS), help=', '.join(METHODS))
    parser.add_argument('--cases', type=_names(CASES), help='; '.join(CASES))
    parser.add_argument('--weights', type=Path, nargs='*', default=[], help='of train similarity')
    parser.add_argument('--within', type=_names(_RANGES), help=f'deg: {", ".join(_RANGES)}')
    parser.add_argument('--out', type=Path, default=CHECKOUT / 'results' / 'benchmarks')
    options = parser.parse_args()
    options.within = [_RANGES[degrees] for degrees in options.within or _RANGES]
    options.poses = QUICK['poses'] if options.quick else POSES
    options.starts = QUICK['starts'] if options.quick else STARTS_PER_POSE
    options.methods = options.methods or (QUICK['methods'] if options.quick else list(METHODS))
    options.cases = options.cases or (QUICK['cases'] if options.quick else list(CASES))
    return options


def _names(known):
    """Return a parser of names that are separated by commas; a name may hold none."""

    def parse(text):
        names = [name.strip() for name in text.split(',')]
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f'{name!r} is none of {", ".join(known)}')
        return names

    return parse


def _progress(console):
    return Progress(
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


if __name__ == '__main__':
    main()
