"""
Live tracking over a long synthetic stream: error over time, latency and memory, beside chaining.

    python benchmarks/streaming.py [--seeds 101 102 103] [--modes lockstep process] [--frames 200]

`process` is real time: frames come at the clip's rate while the fit runs beside the tracker; run
it on an idle machine.  `lockstep` shows what the method does where the fit keeps up.  Leaves
streaming.{md,csv,png,json} in the folder of --out, by default results/benchmarks.
"""

import argparse
import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from streaming_run import LAST, WARM_UP, delta_avg, frame_mean, run

from surg_invnerf.live.config import FitHostConfig, LiveConfig
from surgical_perception.evaluation.plots import AFTER, BEFORE, LIMIT, figure
from surgical_perception.evaluation.results import provenance, write_json

# Kept aside: settings are chosen on seeds 1, 2 and 3 alone.
SEEDS = (101, 102, 103)
CHECKOUT = Path(__file__).resolve().parents[1]
COLUMNS = (
    'seed',
    'mode',
    'frame',
    'ours_px',
    'chain_px',
    'latency_s',
    'rss_mb',
    'fit_rss_mb',
    'state',
)
HEAD = (
    'seed | mode | error slope (px / 100 frames), ours | chaining | 2D delta_avg, '
    f'last {LAST} frames (%), ours | chaining | gain | visibility right (%) | rate (Hz) | '
    'p95 latency (ms) | memory (MB / 100 frames) | fit steps | frames dropped'
)


def main():
    """Run the benchmark from the command line."""
    options = _options()
    cv2.setNumThreads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    console, streams = Console(), []
    fit = FitHostConfig(steps=options.steps, device=options.device)
    config = replace(LiveConfig(), deadline_s=options.deadline, fit=fit)
    for seed in options.seeds:
        for mode in options.modes:
            with console.status('') as status:

                def say(text, seed=seed, mode=mode, status=status):
                    status.update(f'seed {seed}, {mode}: {text}')

                stream = run(seed, mode, options.frames, options.points, config, say)
            streams.append(stream)
            console.print(_row(stream), highlight=False)
            _write(options.out, streams, config)
    console.print(f'results: {options.out}/streaming.md, .csv, .png, .json')


def summary(stream):
    """Return the figures of a Stream by name."""
    last = slice(-LAST, None)
    ours, chain = (delta_avg(errors, last) for errors in (stream.ours_px, stream.chain_px))
    latency = stream.latency_s[WARM_UP:]
    latency = latency[~np.isnan(latency)]
    return {
        'slope_px': stream.slope_px,
        'chain_slope_px': stream.chain_slope_px,
        'delta_px': ours,
        'chain_delta_px': chain,
        'gain': ours - chain,
        'visibility': 100 * float(np.nanmean(stream.seen_right)),
        'rate_hz': 1 / float(latency.mean()),
        'p95_ms': 1e3 * float(np.percentile(latency, 95)),
        'memory_slope_mb': stream.memory_slope_mb,
        'fit_steps': stream.fit_steps,
        'dropped': stream.dropped,
    }


def _row(stream):
    figures = summary(stream).values()
    numbers = ' | '.join(str(x) if isinstance(x, int) else f'{x:.2f}' for x in figures)
    return f'| {stream.seed} | {stream.mode} | {numbers} |'


def _write(out, streams, config):
    lines = [f'| {HEAD} |', '|' + ' --- |' * (HEAD.count('|') + 1), *map(_row, streams)]
    (out / 'streaming.md').write_text('\n'.join(lines) + '\n', encoding='utf-8')
    _write_csv(out / 'streaming.csv', streams)
    _plot(out / 'streaming.png', streams)
    rows = [{'seed': s.seed, 'mode': s.mode, **summary(s)} for s in streams]
    write_json(out / 'streaming.json', {'config': config, 'streams': rows, **provenance()})


def _write_csv(path, streams):
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for s in streams:
            ours, chain = frame_mean(s.ours_px), frame_mean(s.chain_px)
            for frame in range(len(s.latency_s)):
                numbers = (
                    ours[frame],
                    chain[frame],
                    s.latency_s[frame],
                    s.rss_mb[frame],
                    s.fit_rss_mb[frame],
                )
                written = [f'{x:.6g}' for x in numbers]
                writer.writerow([s.seed, s.mode, frame, *written, s.states[frame]])


def _plot(path, streams):
    fig, axes = figure(3, len(streams), height_in=8.0, sharex=True, squeeze=False)
    for column, stream in zip(axes.T, streams, strict=True):
        error, latency, memory = column
        error.plot(frame_mean(stream.chain_px), color=BEFORE, label='chained flow')
        error.plot(frame_mean(stream.ours_px), color=AFTER, label='live tracking')
        error.set_title(f'seed {stream.seed}, {stream.mode}')
        latency.plot(1e3 * stream.latency_s, '.', color=AFTER, markersize=3)
        if stream.mode == 'process':
            latency.axhline(1e3 * stream.deadline_s, color=LIMIT, linestyle=':')
        memory.plot(stream.rss_mb, color=AFTER, label='tracker')
        memory.plot(stream.fit_rss_mb, color=BEFORE, label='fit')
        for ax in column:
            ax.set_ylim(bottom=0)
        memory.set_xlabel('frame')
    for ax, label in zip(
        axes[:, 0], ('mean error (px)', 'latency (ms)', 'memory (MB)'), strict=True
    ):
        ax.set_ylabel(label)
    axes[0, 0].legend(frameon=False)
    axes[2, 0].legend(frameon=False)
    fig.savefig(path)


def _options():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--seeds', type=int, nargs='+', default=SEEDS)
    parser.add_argument('--modes', nargs='+', default=('lockstep', 'process'))
    parser.add_argument('--frames', type=int, default=200)
    parser.add_argument('--points', type=int, default=500)
    parser.add_argument('--deadline', type=float, default=LiveConfig.deadline_s, help='seconds')
    parser.add_argument('--steps', type=int, default=FitHostConfig.steps, help='of the fit')
    parser.add_argument('--device', default='cpu', choices=('cpu', 'cuda'))
    parser.add_argument('--out', type=Path, default=CHECKOUT / 'results' / 'benchmarks')
    return parser.parse_args()


if __name__ == '__main__':
    main()
