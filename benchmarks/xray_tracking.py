"""
Tracking through fluoroscopy that another projector made, with two seconds of dark frames.

    python benchmarks/xray_tracking.py [--frames 100] [--cases chest,pelvis]

Images of 128x128 pixels at 10 Hz while the C-arm swings and the table moves.  Every frame is also
registered anew, from the pose before it.  Leaves xray_tracking.{md,json,png} in the folder of
--out, by default results/benchmarks/xray_tracking.
"""

import argparse
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track as progress
from targets import CASES, CHECKOUT, raw_counts

from surgical_perception.evaluation import plots
from surgical_perception.evaluation.metrics import mtre_mm, percentile
from surgical_perception.evaluation.results import provenance, write_json
from surgical_perception.geometry import se3
from surgical_perception.geometry.camera import PinholeCamera
from xray_registration.benchmark.bone_points import bone_points
from xray_registration.config import RegistrationConfig
from xray_registration.pyramid import VolumePyramid
from xray_registration.result import Verdict
from xray_registration.simulation.trajectory import OrbitConfig, orbit
from xray_registration.tracking import track
from xray_registration.views import View, line_integrals
from xray_registration.volume.attenuation import attenuation_from_ct

SEED = 20262
RATE_HZ = 10.0
DARK_S = 2.0
CAMERA = PinholeCamera.from_carm(128, 128, sdd_mm=1020.0, du_mm=2.32)
GOOD_MM = 1.0

_FULL = RegistrationConfig()
MODES = {
    'tracked': _FULL,
    'registered anew': replace(_FULL, tracking=replace(_FULL.tracking, max_gap_s=0.0)),
}


@dataclass(frozen=True)
class Sequence:
    """X-rays of one CT with their truth; dark ones have none of the patient in them."""

    frames: list  # (stamp_ns, [View])
    carm_from_ct: np.ndarray
    dark: np.ndarray
    points: np.ndarray


def main():
    """Run the benchmark from the command line."""
    options = _options()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    options.out.mkdir(parents=True, exist_ok=True)
    runs = {}
    for name in options.cases:
        case = CASES[name]
        sequence = _sequence(case, options.frames)
        volumes = VolumePyramid(attenuation_from_ct(case.ct))
        for mode, config in MODES.items():
            list(track(sequence.frames[:2], volumes, sequence.carm_from_ct[0], config))  # compile
            runs[name, mode] = _run(sequence, volumes, config)
    table = _markdown(runs)
    (options.out / 'xray_tracking.md').write_text(table, encoding='utf-8')
    write_json(
        options.out / 'xray_tracking.json',
        {'runs': {f'{c}, {m}': run for (c, m), run in runs.items()}, 'seed': SEED, **provenance()},
    )
    _plot(options.out / 'xray_tracking.png', runs)
    Console().print(table, soft_wrap=True, markup=False, highlight=False)


def _sequence(case, count):
    """Simulate (or find) the X-rays of a swinging C-arm, dark for DARK_S in the middle."""
    path = OrbitConfig(
        frames=count, rate_hz=RATE_HZ, orbital_deg=15.0, cranial_deg=5.0, travel_mm=12.0
    )
    poses = orbit(case.ct.isocentre_m, path, start_ns=1_000_000_000)
    truth = np.stack([se3.inverse(pose.patient_from_carm) for pose in poses])
    rng = np.random.default_rng(SEED)
    middle = count // 2
    dark = np.zeros(count, bool)
    dark[middle : middle + round(DARK_S * RATE_HZ)] = True
    frames = []
    for i in progress(range(count), description=f'{case.name}: X-rays'):
        if dark[i]:
            counts = rng.normal(100.0, 8.0, (CAMERA.height, CAMERA.width)).astype(np.uint16)
        else:
            counts = raw_counts(case, truth[i], SEED, i, CAMERA)
        frames.append((poses[i].stamp_ns, [View(line_integrals(counts, 'raw'), CAMERA)]))
    return Sequence(frames, truth, dark, bone_points(case.ct, SEED))


def _run(sequence, volumes, config):
    """Track a sequence from its true first pose; return what is measured, frame by frame."""
    times, followed = [], []
    steps = track(sequence.frames, volumes, sequence.carm_from_ct[0], config)
    for _ in sequence.frames:
        began = time.perf_counter()
        followed.append(next(steps))
        times.append(time.perf_counter() - began)
    errors = [
        mtre_mm(f.result.reference_from_ct, truth, sequence.points)
        for f, truth in zip(followed, sequence.carm_from_ct, strict=True)
    ]
    return {
        'mtre_mm': np.array(errors),
        'time_s': np.array(times),
        'tracked': np.array([f.tracked for f in followed]),
        'verdict': [f.result.verdict for f in followed],
        'dark': sequence.dark,
    }


def _recovery(run):
    """Return how many frames after the dark ones the first good one is, 0 for the first."""
    after = np.flatnonzero(run['dark'])[-1] + 1
    good = np.flatnonzero(run['mtre_mm'][after:] < GOOD_MM)
    return int(good[0]) if len(good) else float('inf')


def _markdown(runs):
    header = (
        '| CT | frames | median mm | 95 % mm | > 1 mm | tracked | frames / s (median) | 95 % ms '
        '| dark rejected | dark frame ms | frames lost after dark |\n' + '| --- ' * 11 + '|\n'
    )
    rows = []
    for (case, mode), run in runs.items():
        seen = ~run['dark']
        errors, times = run['mtre_mm'][seen], run['time_s'][seen]
        dark = [
            v is Verdict.REJECTED for v, d in zip(run['verdict'], run['dark'], strict=True) if d
        ]
        rows.append(
            f'| {case}, {mode} | {seen.sum()} | {percentile(errors, 50):.3f} '
            f'| {percentile(errors, 95):.3f} | {(errors > GOOD_MM).sum()} '
            f'| {run["tracked"][seen].sum()} | {1 / np.median(times):.1f} '
            f'| {1e3 * np.percentile(times, 95):.0f} | {sum(dark)} of {len(dark)} '
            f'| {1e3 * np.median(run["time_s"][run["dark"]]):.0f} | {_recovery(run)} |\n'
        )
    return header + ''.join(rows)


def _plot(path, runs):
    fig, (top, bottom) = plots.figure(2, 1, height_in=6.5, sharex=True)
    colours = iter((plots.AFTER, plots.BEFORE, plots.BAD, plots.LIMIT))
    for (case, mode), run in runs.items():
        time_s = np.arange(len(run['mtre_mm'])) / RATE_HZ
        style = {'color': next(colours), 'linewidth': 1.2, 'label': f'{case}, {mode}'}
        top.plot(time_s, np.where(run['dark'], np.nan, run['mtre_mm']), **style)
        bottom.plot(time_s, 1e3 * run['time_s'], **style)
    dark_s = np.flatnonzero(run['dark']) / RATE_HZ
    for ax in (top, bottom):
        ax.axvspan(dark_s[0], dark_s[-1] + 1 / RATE_HZ, color='#cccccc')
        ax.set_yscale('log')
        ax.yaxis.set_major_formatter('{x:g}')
    top.set_ylabel('3D error on bone, mTRE (mm)')
    bottom.set_ylabel('time of a frame (ms)')
    bottom.set_xlabel('time (s); grey: dark frames')
    bottom.axhline(1e3 / RATE_HZ, color=plots.LIMIT, linestyle=':')
    top.legend(frameon=False, fontsize=9)
    fig.savefig(path)


def _options():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--frames', type=int, default=100)
    parser.add_argument(
        '--cases', type=lambda text: text.split(','), default=['chest', 'pelvis'], metavar='A,B'
    )
    parser.add_argument(
        '--out', type=Path, default=CHECKOUT / 'results' / 'benchmarks' / 'xray_tracking'
    )
    return parser.parse_args()


if __name__ == '__main__':
    main()
