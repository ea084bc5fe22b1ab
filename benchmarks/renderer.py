"""
Time of a DRR, alone and with its pose Jacobian, beside other projectors in the same run.

    python benchmarks/renderer.py [--quick] [--out FOLDER]

On a real chest CT of 257x257x237 voxels.  Peers that are not installed are named and left out.
Leaves renderer.md and renderer.json in the folder of --out.
"""

import argparse
import os
from pathlib import Path

import numba
import torch
from renderer_cases import carm_camera, chest_volume, contenders, median_seconds, oblique_poses
from renderer_peers import Plastimatch

from surgical_perception.evaluation.results import provenance, write_json

SIZES = (128, 256, 512)
COLUMNS = tuple((size, kind) for size in SIZES for kind in ('image', 'image + J'))
# The size that the targets are stated for.
REFERENCE_SIZE = 256
CHECKOUT = Path(__file__).resolve().parents[1]


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--quick', action='store_true', help='256x256 only')
    parser.add_argument('--out', type=Path, default=CHECKOUT / 'results' / 'benchmarks')
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    threads = len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    numba.set_num_threads(threads)

    volume = chest_volume()
    rows = {}
    for contender in contenders(threads):
        seconds = _measure(contender, volume, options.quick)
        if seconds:
            rows[contender.name] = seconds
    text = _tables(rows, volume, threads)
    print(text)
    (options.out / 'renderer.md').write_text(text, encoding='utf-8')
    seconds = {
        name: {f'{size} {kind}': s for (size, kind), s in row.items()}
        for name, row in rows.items()
    }
    write_json(options.out / 'renderer.json', {'seconds': seconds, **provenance()})


def _measure(contender, volume, quick):
    """Return {(size, kind): seconds} of one contender; nothing where it is not installed."""
    seconds = {}
    pose = oblique_poses(volume)[0]
    for size in (REFERENCE_SIZE,) if quick else SIZES:
        if size > contender.largest_image:
            continue
        try:
            peer = contender.build(volume, carm_camera(size), **contender.arguments)
        except ImportError as error:
            print(f'left out: {contender.name}: {error}')
            return {}
        print(f'{contender.name}, {size}x{size} ...', flush=True)
        if isinstance(peer, Plastimatch):
            seconds[size, 'image'] = peer.seconds_per_image()
            continue
        seconds[size, 'image'] = median_seconds(lambda peer=peer: peer.image(pose))
        if hasattr(peer, 'image_and_jacobian') and size <= contender.largest_jacobian:
            seconds[size, 'image + J'] = median_seconds(
                lambda peer=peer: peer.image_and_jacobian(pose)
            )
    return seconds


def _tables(rows, volume, threads):
    """Return medians in ms and, for every other renderer, how much longer it takes than ours."""
    size = 'x'.join(map(str, volume.size))
    ours = next(iter(rows))
    lines = [
        f'Medians in ms, {size} voxels, {threads} CPU threads; J of peers by one backward pass.',
        '',
        *_table(rows, lambda row, key: f'{1e3 * row[key]:.3g}'),
        '',
        f'Times of "{ours}".',
        '',
        *_table(rows, lambda row, key: f'{row[key] / rows[ours][key]:.3g}'),
    ]
    with_j, alone = (rows[ours].get((REFERENCE_SIZE, kind)) for kind in ('image + J', 'image'))
    lines += ['', f'{ours}: image + J takes {with_j / alone:.2f} times the image alone.', '']
    return '\n'.join(lines)


def _table(rows, cell):
    measured = [key for key in COLUMNS if any(key in row for row in rows.values())]
    yield '| | ' + ' | '.join(f'{n}x{n} {kind}' for n, kind in measured) + ' |'
    yield '|---' * (len(measured) + 1) + '|'
    for name, row in rows.items():
        cells = (cell(row, key) if key in row else '' for key in measured)
        yield f'| {name} | ' + ' | '.join(cells) + ' |'


if __name__ == '__main__':
    main()
