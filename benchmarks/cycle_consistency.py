"""
Real clips without truth: points followed over 60 frames and back, by us, by chained flow.

    python benchmarks/cycle_consistency.py [--steps N] [--starts 280 400 ...] [--clip NAME]

The cycle is an honest one: a point of frame 0 is followed to the last frame; the pixel where it is
said to be is asked anew, as a query of the last frame, and followed to frame 0.  The error is the
distance from where it began, over points that stay visible: those of which each step of the
chained flow leads back, which is chaining's own criterion and favours it.

A method that never moves a point has no cycle error at all; points that stay put are therefore
printed beside, and two checks that know no tracker: the distance from SIFT matches between first
and last frame (which the fit is not given), and the correlation of the patches around both ends.

The data are looked for at SURGICAL_PERCEPTION_DATA, else at ../shared/data.  Leaves
cycle_consistency.{md,json} and pictures in the folder of --out.
"""

import argparse
import os
from pathlib import Path

import cv2
import numpy as np
import torch
from drends_preview import DrendsClip
from rich.console import Console

from surg_invnerf import controls
from surg_invnerf.correspondence import sift
from surg_invnerf.correspondence.link import LinkConfig
from surg_invnerf.correspondence.sparse import lands_on
from surg_invnerf.measured_clip import measure
from surg_invnerf.pictures import draw_tracks, point_colours, save_png, strip
from surg_invnerf.pipeline import TrackingConfig, TrackingPipeline
from surg_invnerf.tracks.query_points import query_grid
from surg_invnerf.tracks.tracker import track
from surgical_perception.evaluation.results import provenance, write_json

FRAMES = 60
# Of the clip's 956 frames those whose view moves, and 80 % of which stay in view for 60 frames by
# chained flow with its check: the preview is fast, and elsewhere little of it stays.
STARTS = (280, 400, 560, 880)
CHECKOUT = Path(__file__).resolve().parents[1]
# Of the patches that are correlated, and the deviation of SIFT matches that are judged by.
_PATCH = (15, 15)
_CLOSE_PX = 1.0


def main():
    """Run the benchmark from the command line."""
    options = _options()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    console, rows = Console(), []
    for start in options.starts:
        clip = DrendsClip(options.data / 'drends_preview' / options.clip, start, FRAMES)
        with console.status(clip.name) as status:
            rows += _contest(clip, options, lambda text, status=status: status.update(text))
        console.print(_markdown(rows), soft_wrap=True, markup=False, highlight=False)
    (options.out / 'cycle_consistency.md').write_text(_markdown(rows), encoding='utf-8')
    write_json(
        options.out / 'cycle_consistency.json',
        {'rows': rows, 'steps': options.steps, 'frames': FRAMES, **provenance()},
    )
    console.print(f'results: {options.out}/cycle_consistency.md, .json, .png')


def _contest(clip, options, say):
    """Return one row of figures for each method on a clip; save a picture of all."""
    observations, model = _fitted(clip, options.steps, say)
    methods = {
        'static': controls.static,
        'chained DIS': controls.chain,
        'ours': lambda observations, queries: track(model, observations, queries),
    }
    first, last = (observations.frames[f(observations.frames)] for f in (min, max))
    queries = query_grid(observations, options.points)
    found = {name: follow(observations, queries) for name, follow in methods.items()}
    judged = found['chained DIS'].visible.all(1)
    matches = _sift_matches(first, last)
    rows, pictures = [], []
    for name, follow in methods.items():
        begins, ends = queries[judged, :2], found[name].uv[judged, -1]
        usable = lands_on(ends, last.usable)
        back = follow(observations, _asked(ends[usable], last)).uv[:, 0]
        cycle = np.linalg.norm(back - begins[usable], axis=1)
        at_matches = follow(observations, _asked(matches.pixels, first)).uv[:, -1]
        rows.append(
            {
                'clip': clip.name,
                'method': name,
                'points': f'{usable.sum()} of {len(queries)}',
                'seen at the end': float(found[name].visible[judged, -1].mean()),
                'moved px': _median(np.linalg.norm(ends - begins, axis=1)),
                'cycle px': _median(cycle),
                'cycle 95 % px': _percentile(cycle, 95),
                'SIFT matches': len(matches.pixels),
                'off SIFT px': _median(np.linalg.norm(at_matches - matches.targets, axis=1)),
                'correlation': _median(
                    _correlation(first.image, last.image, begins[usable], ends[usable])
                ),
            }
        )
        colours = point_colours(begins)
        for image, step in ((first.image, 0), (last.image, -1)):
            uv = found[name].uv[judged][:, [step]]
            pictures.append(draw_tracks(image, uv, np.ones(uv.shape[:2], bool), colours))
    name = clip.name.replace(' ', '_').replace(':', '-')
    save_png(options.out / f'cycle_{name}.png', strip(pictures[2:], columns=2))
    return rows


def _fitted(clip, steps, say):
    """Return the linked Observations of a clip and the model that was fitted to them."""

    def progress(stage, done, total, text):
        say(f'{clip.name}: {stage} {done}/{total} {text}')

    # Flow alone links the frames: SIFT is kept aside, to judge by.
    link = LinkConfig(keyframes=0, broken_share=0.0)
    pipeline = TrackingPipeline(TrackingConfig(steps=steps, device='cpu', link=link))
    measured = measure(
        clip,
        pipeline.config.observe,
        kinematics=False,
        progress=lambda done, total: progress('measuring', done, total, ''),
    )
    pipeline.link(measured.observations, progress)
    fit, _ = pipeline.fit(measured.observations, progress)
    return measured.observations, fit.model


def _sift_matches(first, last):
    """Return the SparseMatch of two frames, those alone whose neighbours agree closely."""
    found = sift.match(*(sift.features(frame.image, frame.usable) for frame in (first, last)))
    close = found.deviation_px < _CLOSE_PX
    return sift.SparseMatch(*(part[close] for part in found))


def _asked(uv, frame):
    """Return queries [N, 3] at pixels [N, 2] of a frame."""
    return np.column_stack([uv, np.full(len(uv), frame.index)]).astype(float)


def _correlation(first, last, begins, ends):
    """Return the normalised cross-correlation [N] of the grey patches around both ends."""
    patches = []
    for image, uv in ((first, begins), (last, ends)):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        cut = [cv2.getRectSubPix(grey, _PATCH, tuple(map(float, at))) for at in uv]
        patches.append(np.reshape(cut, (-1, *_PATCH)))
    centred = [patch - patch.mean((1, 2), keepdims=True) for patch in patches]
    size = np.prod([np.linalg.norm(patch, axis=(1, 2)) for patch in centred], axis=0)
    return (centred[0] * centred[1]).sum((1, 2)) / np.maximum(size, 1e-6)


def _median(values):
    return _percentile(values, 50)


def _percentile(values, share):
    return float(np.percentile(values, share)) if len(values) else float('nan')


def _markdown(rows):
    cells = [list(rows[0]), ['---'] * len(rows[0])]
    cells += [
        [f'{x:.2f}' if isinstance(x, float) else str(x) for x in row.values()] for row in rows
    ]
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in cells) + '\n'


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    data = os.environ.get('SURGICAL_PERCEPTION_DATA', CHECKOUT.parent / 'shared' / 'data')
    parser.add_argument('--data', type=Path, default=data)
    parser.add_argument('--clip', default='ExVivo_Vid06_h264.mp4')
    parser.add_argument('--starts', type=int, nargs='+', default=STARTS)
    parser.add_argument('--steps', type=int, default=None)
    parser.add_argument('--points', type=int, default=1500)
    parser.add_argument('--out', type=Path, default=CHECKOUT / 'results' / 'benchmarks')
    return parser.parse_args()


if __name__ == '__main__':
    main()
