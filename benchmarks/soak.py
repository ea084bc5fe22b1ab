"""
Half an hour of X-rays to the registration node: does its memory stay flat, does it keep up?

    python benchmarks/soak.py [--minutes 30] [--rate 15]

The real executable registers a small CT in a process of its own; this one sends it X-rays at a
steady rate and samples its memory, threads, files and counters.  Leaves soak.{md,csv,png} in the
folder of --out, by default results/benchmarks/soak; run it on an idle machine.
"""

import argparse
import csv
import os
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

import numpy as np
from life_cycles import NodeUnderTest, footprint_of, make_scene
from rich.console import Console
from rich.progress import Progress
from ros_harness import values

from surgical_perception.evaluation.plots import AFTER, BEFORE, LIMIT, figure

SAMPLE_S = 1.0
# Kernels, pools and the allocator have settled by then.
WARM_UP = 0.2
COLUMNS = ('seconds', 'resident_mb', 'threads', 'files', 'sent', 'registered', 'dropped')


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--minutes', type=float, default=30.0)
    parser.add_argument('--rate', type=float, default=15.0, help='X-rays per second')
    checkout = Path(__file__).resolve().parents[1]
    parser.add_argument('--out', type=Path, default=checkout / 'results/benchmarks/soak')
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = soak(Path(folder), 60 * options.minutes, options.rate, options.out / 'soak.csv')
    table = markdown(rows, options.rate)
    (options.out / 'soak.md').write_text(table, encoding='utf-8')
    plot(options.out / 'soak.png', rows)
    Console().print(table, markup=False, highlight=False, soft_wrap=True)


def soak(folder, seconds, rate_hz, path):
    """Send X-rays for a time; return the samples, which are written to `path` as they come."""
    node = NodeUnderTest(make_scene(folder), folder / 'node.log')
    rows = []
    try:
        node.seconds_to_a_result()
        node.peer.statuses.clear()
        with path.open('w', newline='', encoding='utf-8') as file, Progress() as progress:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            task = progress.add_task('soak', total=seconds)
            began_s, sent, registered = time.monotonic(), 0, 0
            while (now_s := time.monotonic() - began_s) < seconds:
                node.shoot()
                sent += 1
                node.spin_until(began_s + sent / rate_hz)
                registered += len(node.peer.statuses)
                for received in (node.peer.statuses, node.peer.poses, node.peer.transforms):
                    received.clear()
                if now_s >= len(rows) * SAMPLE_S:
                    found = footprint_of(node.process.pid)
                    rows.append((now_s, *found, sent, registered, _dropped(node.peer)))
                    writer.writerow(f'{x:.6g}' for x in rows[-1])
                    file.flush()
                    progress.update(task, completed=now_s)
        assert node.interrupt() == 0, node.output()
    finally:
        node.close()
    return np.array(rows)


def _dropped(peer):
    """Return how many X-rays the node says it has dropped; keeps the newest diagnostics only."""
    del peer.diagnostics[:-1]
    for message in peer.diagnostics:
        for status in message.status:
            if status.name.endswith('compute'):
                return int(values(status)['dropped'])
    return 0


def markdown(rows, rate_hz):
    """Return the figures of the samples [N, columns] as a table."""
    column = dict(zip(COLUMNS, rows.T, strict=True))
    settled = column['seconds'] >= WARM_UP * column['seconds'][-1]
    minutes = column['seconds'] / 60
    slope_mb = np.polyfit(minutes[settled], column['resident_mb'][settled], 1)[0]
    figures = {
        'minutes': f'{minutes[-1]:.1f}',
        'X-rays sent': f'{column["sent"][-1]:.0f} at {rate_hz:g} a second',
        'registered': f'{column["registered"][-1]:.0f}',
        'dropped, newer one came': f'{column["dropped"][-1]:.0f}',
        'memory at the start, at the end': (
            f'{column["resident_mb"][0]:.1f} MB, {column["resident_mb"][-1]:.1f} MB'
        ),
        'slope of the memory': f'{1e3 * slope_mb:+.0f} kB a minute after the first fifth',
        'threads': f'{column["threads"].min():.0f} to {column["threads"].max():.0f}',
        'open files': f'{column["files"].min():.0f} to {column["files"].max():.0f}',
    }
    lines = [f'| {name} | {text} |' for name, text in figures.items()]
    return '\n'.join(['| | |', '| --- | --- |', *lines]) + '\n'


def plot(path, rows):
    """Draw memory, and what was registered and dropped, over time."""
    column = dict(zip(COLUMNS, rows.T, strict=True))
    minutes = column['seconds'] / 60
    fig, (memory, counts) = figure(2, 1, height_in=6.0, sharex=True)
    memory.plot(minutes, column['resident_mb'], color=AFTER)
    memory.set_ylim(0, 1.25 * column['resident_mb'].max())
    memory.set_ylabel('memory of the node (MB)')
    for name, colour in (('sent', LIMIT), ('registered', AFTER), ('dropped', BEFORE)):
        counts.plot(minutes, column[name], color=colour, label=name)
    counts.set_ylabel('X-rays')
    counts.set_xlabel('minutes')
    counts.legend(frameon=False)
    fig.align_ylabels()
    fig.savefig(path)


if __name__ == '__main__':
    main()
