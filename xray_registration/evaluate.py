"""`surgical-perception evaluate` of a C-arm's bag: the node's poses without DDS, and a page."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from surgical_perception import parameters as schema
from surgical_perception.bags import BagReader
from surgical_perception.errors import InputError
from surgical_perception.evaluation import results
from surgical_perception.parameter_files import read_values
from xray_registration.assembly import load_pipeline
from xray_registration.evaluation import capture, overlays, page, summary
from xray_registration.evaluation.bag_topics import find_xray
from xray_registration.evaluation.findings import Findings
from xray_registration.evaluation.offline import replay
from xray_registration.evaluation.rows import rows, spread_points
from xray_registration.landmarks import load_landmarks
from xray_registration.parameters import XrayRegistrationParameters

NODE = 'xray_registration_node'


@dataclass(frozen=True)
class Options:
    """
    What the command line may say.

    ct, params_file     as for the node; `settings` {dotted name: value} beat both
    image_topics        of the X-rays, one per view; empty guesses
    truth_topic         PoseStamped of the CT; empty guesses
    landmarks           file of points of the CT for 3D errors; None spreads them over the bone
    sdd_mm              source to detector: errors on the detector come in mm too
    starts              further starts per shot with a truth, to find the capture range
    largest_start_mm    largest mTRE of those
    """

    ct: Path | None = None
    params_file: Path | None = None
    settings: dict = field(default_factory=dict)
    image_topics: tuple[str, ...] = ()
    truth_topic: str = ''
    landmarks: Path | None = None
    sdd_mm: float | None = None
    starts: int = 0
    largest_start_mm: float = 40.0
    seed: int = 0


def run(bag, out, options):
    """
    Evaluate a bag and write `out`/result.json, `out`/report.html and pictures.

    Returns {name: Metric}.  Raises InputError for anything that cannot be used, before the CT is
    loaded wherever possible.
    """
    console, bag, out = Console(stderr=True), Path(bag), Path(out)
    parameters = read_parameters(options)
    with BagReader(bag) as reader:
        topics = find_xray(
            reader.topics, bag, parameters.views, options.image_topics, options.truth_topic
        )
        count = max(reader.topics[name].count for name in topics.images)
    _make_folder(out)
    with console.status('loading the CT'):
        pipeline = load_pipeline(parameters)
        points = _points(pipeline, options.landmarks)
    with _bar(console) as bar:
        task = bar.add_task('registering', total=count)
        found = replay(bag, topics, pipeline, parameters, lambda: bar.advance(task))
        table = rows(found.outcomes, points, pipeline.ct.isocentre_m, options.sdd_mm)
        numbers = summary.summarise(table)
        trials = _trials(bar, bag, topics, pipeline, parameters, found.outcomes, points, options)
        if trials:
            numbers |= summary.capture_numbers(trials)
    inputs = {'bag': bag, 'ct': parameters.ct.path}
    named = {'params_file': options.params_file, 'landmarks': options.landmarks}
    inputs |= {name: path for name, path in named.items() if path is not None}
    with console.status('drawing'):
        findings = Findings(
            overlays=overlays.section(
                out / page.OVERLAYS, bag, topics, pipeline, parameters, found.outcomes, table
            ),
            trials=trials,
            notes=_notes(found),
            inputs={name: (path, results.sha256_of(path)) for name, path in inputs.items()},
            text=_text(topics, parameters),
        )
        path = page.write(out, f'C-arm registration of {bag.name}', table, numbers, findings)
    results.write_result(
        out,
        numbers,
        config={'parameters': schema.flat_values(parameters), 'registration': pipeline.config},
        inputs=inputs,
        seed=options.seed,
        extra={
            'shots': table,
            'isocentre_m': pipeline.ct.isocentre_m,
            'topics': topics,
            'trials': trials,
            'notes': findings.notes,
        },
    )
    console.print(page.summary_line(numbers), highlight=False, soft_wrap=True)
    console.print(f'Look at {path}', markup=False, highlight=False, soft_wrap=True)
    return numbers


def read_parameters(options):
    """Return the node's parameters from file, --ct and settings; raises InputError."""
    values = read_values(options.params_file, NODE) if options.params_file else {}
    if options.ct is not None:
        values['ct.path'] = str(options.ct)
    parameters = schema.build(XrayRegistrationParameters, values | options.settings)
    if not parameters.ct.path:
        raise InputError('no CT: name it with --ct, or as ct.path in --params-file')
    return parameters


def _points(pipeline, landmarks):
    """Return the points of the CT [N, 3] (m) at which 3D errors are taken."""
    if landmarks is None:
        return spread_points(pipeline.surface()[0])
    return np.array(list(load_landmarks(landmarks).values()))


def _trials(bar, bag, topics, pipeline, parameters, outcomes, points, options):
    """Return the capture trials that were asked for."""
    if not options.starts:
        return []
    truths = {
        outcome.stamp_ns: outcome.truth
        for outcome in outcomes
        if outcome.truth is not None and outcome.estimate is not None
    }
    if not truths:
        raise InputError(f'{bag}: no X-ray with a truth gave a pose: --starts has nothing to do')
    task = bar.add_task('further starts', total=options.starts * len(truths))
    settings = (options.starts, options.largest_start_mm, options.seed)
    return capture.capture(
        bag, topics, pipeline, parameters, truths, points, settings, lambda: bar.advance(task)
    )


def _notes(found):
    notes = list(dict.fromkeys(found.notes))
    if found.unmatched:
        notes.append(f'{found.unmatched} images or camera_infos found no partner of their stamp')
    missing = sum(outcome.truth is None for outcome in found.outcomes)
    if 0 < missing < len(found.outcomes):
        notes.append(f'{missing} of {len(found.outcomes)} X-rays have no truth at their stamp')
    return notes


def _text(topics, parameters):
    images = ', '.join(topics.images)
    reference = parameters.reference_frame or 'the frame of the image'
    truth = f'truth {topics.truth}' if topics.truth else 'no truth'
    start = f'start {topics.initial_pose}' if topics.initial_pose else 'no start pose'
    return f'Images {images}; {truth}; {start}; registered in {reference}.'


def _bar(console):
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=console)


def _make_folder(out):
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'{out}: is no folder to write to: {error.strerror}') from None
