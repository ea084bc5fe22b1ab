"""`surgical-perception demo`: one half after the other, and a page that leads to each."""

import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from surgical_perception.errors import InputError
from surgical_perception.evaluation import report, results
from surgical_perception.runtime.environment import in_ros_install
from surgical_perception.viewer.bag_recording import write_recording

CACHE = '.cache'
REPORT = 'report.html'
RECORDING = 'demo.rrd'


@dataclass(frozen=True)
class Outcome:
    """
    What the demo of one half came to.

    summary     the outcome in one sentence
    metrics     {name: Metric}
    picture     PNG for the front page; None where it could not be drawn
    bags        what went into the nodes and what came out, for the viewer
    """

    title: str
    summary: str
    metrics: dict
    picture: Path | None
    bags: tuple[Path, ...] = ()


def run(out, halves):
    """
    Run the demo of each half and return the folder of the results, to which `out`/latest points.

    halves      {name: function(folder, cache, console) -> Outcome}; a half leaves its own
                report.html and result.json in its `folder`, and may keep inputs in `cache`;
                beside them comes demo.rrd, where the extra `view` is installed

    Raises InputError with the reason where a step fails; what was made until then stays.
    """
    console, began = Console(stderr=True), time.monotonic()
    folder, outcomes = results.new_run(out), {}
    for name, half in halves.items():
        (folder / name).mkdir()
        outcomes[name] = half(folder / name, Path(out) / CACHE, console)
        console.print(outcomes[name].summary)
        _keep_recording(console, folder / name / RECORDING, outcomes[name].bags)
    _front_page(folder, outcomes)
    latest = results.link_latest(folder)
    console.print(f'{time.monotonic() - began:.0f} s', highlight=False)
    console.print(f'Look at {latest / REPORT}', markup=False, highlight=False, soft_wrap=True)
    return folder


def _keep_recording(console, path, bags):
    """Leave what the topics carried as a file of the rerun viewer, where that is installed."""
    if not bags:
        return
    try:
        with console.status('writing the recording for the viewer'):
            write_recording(bags, path)
    except InputError as error:
        text = f'no {path.name}: {error}'
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def _front_page(folder, outcomes):
    metrics = {
        f'{name}.{key}': metric
        for name, outcome in outcomes.items()
        for key, metric in outcome.metrics.items()
    }
    results.write_result(folder, metrics)
    sections = [
        report.Section(outcome.title, outcome.summary, outcome.picture, link=f'{name}/{REPORT}')
        for name, outcome in outcomes.items()
    ]
    report.write_report(
        folder / REPORT,
        'Demo of surgical_perception',
        'The real nodes, on a ROS 2 install.'
        if in_ros_install()
        else 'The real nodes, on the rclpy and Fast DDS of PyPI.',
        metrics,
        sections,
        'Research use only.',
    )
