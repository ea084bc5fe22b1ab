"""`surgical-perception demo`: one half after the other, and a page that leads to each."""

import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from surgical_perception.evaluation import report, results
from surgical_perception.runtime.environment import in_ros_install

CACHE = '.cache'
REPORT = 'report.html'


@dataclass(frozen=True)
class Outcome:
    """
    What the demo of one half came to.

    summary     the outcome in one sentence
    metrics     {name: Metric}
    picture     PNG for the front page; None where it could not be drawn
    """

    title: str
    summary: str
    metrics: dict
    picture: Path | None


def run(out, halves):
    """
    Run the demo of each half and return the folder of the results, to which `out`/latest points.

    halves      {name: function(folder, cache, console) -> Outcome}; a half leaves its own
                report.html and result.json in its `folder`, and may keep inputs in `cache`

    Raises InputError with the reason where a step fails; what was made until then stays.
    """
    console, began = Console(stderr=True), time.monotonic()
    folder, outcomes = results.new_run(out), {}
    for name, half in halves.items():
        (folder / name).mkdir()
        outcomes[name] = half(folder / name, Path(out) / CACHE, console)
        console.print(outcomes[name].summary)
    _front_page(folder, outcomes)
    latest = results.link_latest(folder)
    console.print(f'{time.monotonic() - began:.0f} s', highlight=False)
    console.print(f'Look at {latest / REPORT}', highlight=False, soft_wrap=True)
    return folder


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
