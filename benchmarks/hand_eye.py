"""
What a wrong hand-eye calibration costs, and how much of it is estimated away.

    python benchmarks/hand_eye.py [--seeds 101 102 103] [--steps N] [--out FOLDER]

Every variant sees the same images, stereo and correspondences of a synthetic clip; only the camera
poses differ.  Leaves hand_eye.{md,json} in the folder of --out, by default results/benchmarks.
"""

import argparse
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from surg_invnerf.correspondence import registry
from surg_invnerf.correspondence.link import Linker
from surg_invnerf.fit.config import FIT_PRESETS
from surg_invnerf.fit.fit import fit
from surg_invnerf.measured_clip import measure
from surg_invnerf.model.config import PRESETS
from surg_invnerf.observe import ObserveConfig
from surg_invnerf.synthetic.clip import SyntheticClip
from surg_invnerf.synthetic.config import SceneConfig
from surg_invnerf.tracks.tracker import track
from surgical_perception.evaluation.results import provenance, write_json
from surgical_perception.evaluation.tracking import (
    DELTA_3D_MM,
    DELTA_PX,
    delta_avg,
    point_errors,
)
from surgical_perception.geometry import se3

# The seeds that nothing was tuned on.
SEEDS = (101, 102, 103)
OFFSET_M, OFFSET_RAD = 5e-3, np.deg2rad(2.0)
QUERY_STEP_PX = 14
CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Variant:
    """How the camera poses reach the fit."""

    name: str
    poses: bool
    wrong: bool = False
    estimated: bool = True


VARIANTS = (
    Variant('no poses', poses=False),
    Variant('exact poses', poses=True),
    Variant('wrong hand-eye, estimated', poses=True, wrong=True),
    Variant('wrong hand-eye, held', poses=True, wrong=True, estimated=False),
)


@dataclass(frozen=True)
class Record:
    """One fit; the left-over offset is that between estimated and true camera (NaN: no poses)."""

    seed: int
    variant: str
    delta_2d: float
    delta_3d: float
    left_over_mm: float
    left_over_deg: float
    seconds: float


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--seeds', type=int, nargs='+', default=SEEDS)
    parser.add_argument('--steps', type=int, help="default: the preset's")
    parser.add_argument('--preset', default='small', choices=PRESETS)
    parser.add_argument('--out', type=Path, default=CHECKOUT / 'results' / 'benchmarks')
    options = parser.parse_args()
    torch.set_num_threads(1)  # two threads on a busy machine of two cores are 20 times slower
    options.out.mkdir(parents=True, exist_ok=True)
    records = []
    try:
        for seed in options.seeds:
            for record in _run(seed, options):
                records.append(record)
                print(
                    f'seed {seed}: {record.variant}: 2D {record.delta_2d:.1f}, '
                    f'3D {record.delta_3d:.1f}, {record.seconds:.0f} s',
                    flush=True,
                )
    except KeyboardInterrupt:
        print('interrupted: the table holds what was finished')
    if records:
        table = _markdown(records)
        print(table)
        (options.out / 'hand_eye.md').write_text(table + '\n', encoding='utf-8')
        content = {'records': [asdict(record) for record in records], **provenance()}
        write_json(options.out / 'hand_eye.json', content)


def _run(seed, options):
    """Yield the Record of each variant on one clip."""
    clip = SyntheticClip(SceneConfig(seed=seed, poses=True))
    observations = measure(clip, ObserveConfig(), True, lambda *_: None).observations
    Linker(registry.make('dis')).link(observations)
    preset = FIT_PRESETS[options.preset]
    config = replace(preset, steps=options.steps or preset.steps)
    queries = clip.truth.tissue_grid(0, QUERY_STEP_PX)
    truth = clip.truth.track(queries)
    direction = np.random.default_rng(seed).normal(size=(2, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    offset = se3.exp(np.r_[OFFSET_M * direction[0], OFFSET_RAD * direction[1]])
    for variant in VARIANTS:
        _set_poses(observations, variant, clip.truth, offset)
        held = config if variant.estimated else replace(config, pose_rate=0.0)
        began = time.process_time()
        model = fit(observations, held, PRESETS[options.preset]).model
        seconds = time.process_time() - began
        tracks = track(model, observations, queries)
        errors_px = point_errors(tracks.uv, truth.uv, truth.visible)
        errors_mm = 1e3 * point_errors(tracks.xyz_m, truth.xyz_m, truth.visible)
        yield Record(
            seed,
            variant.name,
            delta_avg(errors_px, DELTA_PX, truth.visible),
            delta_avg(errors_mm, DELTA_3D_MM, truth.visible),
            *_left_over(model, variant, clip.truth),
            seconds,
        )


def _set_poses(observations, variant, truth, offset):
    """Give observations the camera poses of a variant."""
    observations.has_poses = variant.poses
    for index, frame in observations.frames.items():
        pose = truth.world_from_camera(index) if variant.poses else np.eye(4)
        if variant.wrong:
            pose = pose @ offset
        observations.frames[index] = replace(frame, world_from_camera=pose)


def _left_over(model, variant, truth):
    """Return how far estimated cameras are from the true ones, mm and degrees, the median."""
    if not variant.poses:
        return float('nan'), float('nan')
    estimated = model.poses(model.frames).detach().cpu().numpy().astype(float)
    errors = [
        se3.inverse(truth.world_from_camera(frame)) @ pose
        for frame, pose in zip(model.frames, estimated, strict=True)
    ]
    shift_mm = [1e3 * np.linalg.norm(error[:3, 3]) for error in errors]
    turn_deg = [np.rad2deg(se3.rotation_angle(error)) for error in errors]
    return float(np.median(shift_mm)), float(np.median(turn_deg))


def _markdown(records):
    """Return the means over seeds as a table."""
    lines = [
        '| camera poses | clips | 2D delta_avg | 3D delta_avg | offset left mm | deg | CPU s |',
        '|---|---|---|---|---|---|---|',
    ]
    for variant in VARIANTS:
        rows = [r for r in records if r.variant == variant.name]
        if rows:
            means = [
                np.mean([getattr(r, name) for r in rows])
                for name in ('delta_2d', 'delta_3d', 'left_over_mm', 'left_over_deg', 'seconds')
            ]
            numbers = ' | '.join('' if np.isnan(x) else f'{x:.1f}' for x in means)
            lines.append(f'| {variant.name} | {len(rows)} | {numbers} |')
    return '\n'.join(lines)


if __name__ == '__main__':
    main()
