"""
Tracking of synthetic scenes that nothing was tuned on: controls, and ours with and without poses.

    python benchmarks/tracking.py [--seeds 101 102 ...] [--methods "static;ours"] [--no-tool]

CPU seconds are those of one process on one thread.  Ctrl-C keeps what is finished.  Leaves
tracking.{md,csv,json,png} in the folder of --out, by default results/benchmarks.
"""

import argparse
from pathlib import Path

import cv2
import torch
from rich.console import Console
from tracking_seed import METHODS, Scene
from tracking_tables import markdown, row, save_plot, write_csv

from surg_invnerf.pipeline import TrackingConfig
from surgical_perception.evaluation.results import provenance, write_json

# Kept aside: settings are chosen on seeds 1, 2 and 3 alone.
SEEDS = (101, 102, 103, 104, 105)
FRAMES = 40
CHECKOUT = Path(__file__).resolve().parents[1]


def main():
    """Run the benchmark from the command line."""
    options = _options()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    console, trials = Console(), []
    config = TrackingConfig(preset=options.preset, steps=options.steps, device=options.device)
    try:
        _run(options, config, console, trials)
    except KeyboardInterrupt:
        console.print('interrupted: the tables hold what was finished')
    if trials:
        _write(options.out, config, trials)
        console.print(markdown(trials), soft_wrap=True, markup=False, highlight=False)
        console.print(f'results: {options.out}/tracking.md, .csv, .json, .png')


def _run(options, config, console, trials):
    """Run every method on every scene; `trials` holds what is finished at any time."""
    for seed in options.seeds:
        with console.status(f'scene {seed}') as status:

            def say(text, seed=seed, status=status):
                status.update(f'scene {seed}: {text}')

            scene = Scene(seed, options.frames, config, say, tool=not options.no_tool)
            for method in options.methods:
                trials.append(scene.trial(method, say))
                write_csv(options.out / 'tracking.csv', trials)
                scores = trials[-1].scores
                console.print(
                    f'scene {seed}, {method}: 2D {scores.delta_px:.1f} %, '
                    f'3D {scores.delta_mm:.1f} %, last frame {scores.last_px:.2f} px, '
                    f'{trials[-1].fit_cpu_s:.1f} CPU s',
                    highlight=False,
                )


def _write(out, config, trials):
    (out / 'tracking.md').write_text(markdown(trials), encoding='utf-8')
    save_plot(out / 'tracking.png', trials)
    rows = [row(trial) for trial in trials]
    write_json(out / 'tracking.json', {'config': config, 'trials': rows, **provenance()})


def _options():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--seeds', type=int, nargs='+', default=SEEDS)
    parser.add_argument('--frames', type=int, default=FRAMES)
    parser.add_argument('--preset', default='small')
    parser.add_argument('--steps', type=int)
    parser.add_argument('--device', default='cpu', choices=('cpu', 'cuda'))
    parser.add_argument('--no-tool', action='store_true', help='no instrument in the scenes')
    parser.add_argument('--methods', type=_methods, default=METHODS, help='; '.join(METHODS))
    parser.add_argument('--out', type=Path, default=CHECKOUT / 'results' / 'benchmarks')
    return parser.parse_args()


def _methods(text):
    """Return the methods that 'name;name' names."""
    names = [name.strip() for name in text.split(';')]
    if unknown := [name for name in names if name not in METHODS]:
        raise argparse.ArgumentTypeError(f'{", ".join(unknown)}: use {"; ".join(METHODS)}')
    return names


if __name__ == '__main__':
    main()
