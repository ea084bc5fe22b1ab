"""
How the registration node holds up: hostile messages, overload, kills, Ctrl-C, re-configurations.

    python benchmarks/reliability.py [--only kills interrupts ...] [--seconds 380]

The machinery is that of test/robustness, which runs a few of everything; this runs many.  Every
trial is written at once, and a later call goes on where an earlier one stopped (--seconds).
Leaves reliability.md and one .jsonl a question in the folder of --out, by default
results/benchmarks/reliability; run it on an idle machine.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ.setdefault('ROS_DOMAIN_ID', str(os.getpid() % 100 + 1))
sys.path.extend(
    str(Path(__file__).resolve().parents[1] / area)
    for area in ('test', 'test/node', 'test/robustness')
)

import reliability_streams
from life_cycles import (
    configure_cycles,
    interrupt,
    kill_and_restart,
    make_scene,
    seconds_to_a_result,
)
from node_harness import Peer
from reliability_table import markdown
from rich.console import Console
from ros_harness import running_node

from xray_registration.node import XrayRegistrationNode

CHECKOUT = Path(__file__).resolve().parents[1]
COUNTS = {'kills': 100, 'interrupts': 100, 'cycles': 200, 'answers': 500, 'overload': 1, 'fuzz': 1}
SEED = 20261
# Signals come until the node has registered for this long.
WORKING_S = 3.0


class Trials:
    """The trials of one question, in a file that grows with each."""

    def __init__(self, folder, question, begun_s, seconds):
        self.folder, self._path = folder, folder / f'{question}.jsonl'
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        self.rows = [json.loads(line) for line in lines]
        self._ends_s = begun_s + seconds

    def add(self, **row):
        self.rows.append(row)
        with self._path.open('a', encoding='utf-8') as file:
            file.write(json.dumps(row) + '\n')

    def missing(self, count):
        """Yield the numbers of the trials that are still to be done, while there is time."""
        for number in range(len(self.rows), count):
            if time.monotonic() > self._ends_s:
                return
            yield number


def kills(trials, count, folder, say):
    """Kill at a random moment, start again, wait for a registration."""
    scene, latest_s = _scene(folder)
    for number in trials.missing(count):
        moment_s = random.Random(SEED + number).uniform(0, latest_s)
        trials.add(**kill_and_restart(scene, folder / 'node.log', moment_s)._asdict())
        say(f'kill {number + 1} of {count}')


def _scene(folder):
    """Return a Scene, and the latest moment for a kill, by how long a start takes today."""
    scene = make_scene(folder)
    return scene, seconds_to_a_result(scene, folder / 'node.log') + WORKING_S


def interrupts(trials, count, folder, say):
    """Send Ctrl-C, or SIGTERM as launch files do, at a random moment."""
    scene, latest_s = _scene(folder)
    for number in trials.missing(count):
        chance = random.Random(SEED + 1000 + number)
        moment_s = chance.uniform(0, latest_s)
        which = chance.choice((signal.SIGINT, signal.SIGTERM))
        ended = interrupt(scene, folder / 'node.log', moment_s, which)
        trials.add(signal=which.name, clean=ended.clean, **ended._asdict())
        say(f'signal {number + 1} of {count}')


def cycles(trials, count, folder, say):
    """Configure, activate, deactivate, clean up, in one process."""
    if trials.rows:
        return  # memory tells something only within one process
    scene = make_scene(folder)
    parameters = {'ct__path': str(scene.ct_path), 'autostart': False}
    with running_node(XrayRegistrationNode, Peer, connect=False, **parameters) as h:
        for found in configure_cycles(h.node, count, say):
            trials.add(**found._asdict())


def answers(trials, count, _folder, say):
    """Hostile X-rays to the running node, one at a time: how long until the reason is there."""
    if not trials.rows:
        for row in reliability_streams.answers(count, say):
            trials.add(**row)


def overload(trials, _count, _folder, say):
    """Images at twice the capacity, then at nine tenths of what was reached."""
    if not trials.rows:
        trials.add(**reliability_streams.overload(say))


def fuzz(trials, _count, _folder, say):
    """
    All hostile messages of the tests, instead of the fifth of them that `make test` runs.

    What pytest says of them stays in fuzz.txt.
    """
    if trials.rows:
        return
    say('hostile messages')
    began_s = time.monotonic()
    names = ('test_hostile_messages.py', 'test_hostile_node.py')
    run = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', *(f'test/robustness/{name}' for name in names)],
        env={**os.environ, 'SURGICAL_PERCEPTION_FUZZ_SHARE': '1'},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    (trials.folder / 'fuzz.txt').write_text(run.stdout, encoding='utf-8')
    trials.add(passed=run.returncode == 0, seconds=time.monotonic() - began_s)


QUESTIONS = {
    'fuzz': fuzz, 'answers': answers, 'overload': overload, 'kills': kills,
    'interrupts': interrupts, 'cycles': cycles,
}  # fmt: skip


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--only', nargs='+', choices=QUESTIONS, default=list(QUESTIONS))
    text = 'stop after this time; 0 prints what is there'
    parser.add_argument('--seconds', type=float, default=36000.0, help=text)
    parser.add_argument('--out', type=Path, default=CHECKOUT / 'results/benchmarks/reliability')
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    begun_s, console, rows = time.monotonic(), Console(), {}
    for name, question in QUESTIONS.items():
        trials = Trials(options.out, name, begun_s, options.seconds)
        if name in options.only and options.seconds > 0:
            with console.status(name) as status, tempfile.TemporaryDirectory() as folder:
                question(trials, COUNTS[name], Path(folder), status.update)
        rows[name] = trials.rows
    table = markdown({name: found for name, found in rows.items() if found}, COUNTS)
    (options.out / 'reliability.md').write_text(table, encoding='utf-8')
    console.print(table, markup=False, highlight=False, soft_wrap=True)


if __name__ == '__main__':
    main()
