"""
Segmented bones against real biplane X-rays: consistency, where there is no truth.

    python benchmarks/wrist_biplane.py [--shard 0/2] [--seconds 370] [--starts 24]

Radius and ulna at three instants.  A search from all around gives each consensus pose; perturbed
starts, another residual, the mirrored stack, the motion between the instants, bones moved within
their own X-rays and single views are held against it.  Steps that are finished are kept in
results/benchmarks/wrist_biplane, so that a run can be stopped and continued; several shards may
run at once.  The last one to finish prints the table and draws the overlays.
"""

import argparse
import json
import time
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import wrist_steps
from targets import CHECKOUT
from wrist_data import BONES, INSTANTS
from wrist_tables import markdown

from surgical_perception.evaluation.results import provenance, write_json

SEED = 20263
FOLDER = CHECKOUT / 'results' / 'benchmarks' / 'wrist_biplane'


def main():
    """Run the benchmark from the command line."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    pairs = list(product(BONES, INSTANTS))
    shard, shards = (int(x) for x in options.shard.split('/'))
    for name, instant in pairs[shard::shards]:
        todo = [
            step for step in wrist_steps.STEPS if not _file(options, step, name, instant).exists()
        ]
        if not todo:
            continue
        trial = wrist_steps.Trial(name, instant, SEED, options.starts)
        for step in todo:
            if time.monotonic() - began > options.seconds:
                print('out of time: run it again to go on')
                return
            file = _file(options, step, name, instant)
            consensus = _file(options, 'consensus', name, instant)
            if step != 'consensus':
                trial.consensus = np.array(json.loads(consensus.read_text())['pose'])
            file.write_text(json.dumps(wrist_steps.STEPS[step](trial)), encoding='utf-8')
            print(f'{name} {instant}: {step}', flush=True)
            if step == 'consensus':
                trial.consensus = np.array(json.loads(file.read_text())['pose'])
                for camera, picture in enumerate(trial.overlays()):
                    cv2.imwrite(str(options.out / f'{name}_{instant}_{camera + 1}.png'), picture)
    found = {
        (name, instant, step): json.loads(_file(options, step, name, instant).read_text())
        for name, instant in pairs
        for step in wrist_steps.STEPS
        if _file(options, step, name, instant).exists()
    }
    if len(found) == len(pairs) * len(wrist_steps.STEPS):
        table = markdown(found)
        (options.out / 'wrist_biplane.md').write_text(table, encoding='utf-8')
        steps = {' '.join(key): value for key, value in found.items()}
        write_json(
            options.out / 'wrist_biplane.json', {'seed': SEED, 'steps': steps, **provenance()}
        )
        print(table)


def _file(options, step, name, instant):
    return options.out / f'{name}_{instant}_{step}.json'


def _options():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--shard', default='0/1', help='I/N: every N-th bone and instant')
    parser.add_argument('--seconds', type=float, default=1e9, help='begin no step after that')
    parser.add_argument('--starts', type=int, default=24, help='perturbed starts of each range')
    parser.add_argument('--out', type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == '__main__':
    main()
