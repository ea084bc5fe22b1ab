"""`surgical-perception benchmark make-cases`: a CT and presets in, case folders out."""

import functools
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from surgical_perception.evaluation.results import plain
from surgical_perception.progress_bars import bars
from xray_registration.benchmark import soft_tissue, xrays
from xray_registration.benchmark.bone_points import bone_points
from xray_registration.benchmark.case_folder import Shot, is_made, write_case
from xray_registration.benchmark.presets import preset
from xray_registration.benchmark.starts import starts
from xray_registration.benchmark.truth import Truth
from xray_registration.volume.loader import load_ct

# Change it when a preset's name means other X-rays than before: cases are then made anew.
_VERSION = 1

_POINT_DECIMALS = 6  # of a metre


def run(ct_path, out, preset_names, labels=None, count=10, views=None, per_pose=1, seed=0):
    """
    Make `out`/<preset>-<number> of each preset for `count` poses; skip those that are complete.

    views       instead of the preset's
    per_pose    starts of each, where the preset has starts

    Raises InputError for what cannot be used, before anything is made, and where a folder holds
    another case.
    """
    presets = {name: preset(name) for name in preset_names}
    if views:
        presets = {name: replace(settings, views=views) for name, settings in presets.items()}
    console, out = Console(stderr=True), Path(out)
    with console.status('loading the CT'):
        ct = load_ct(ct_path, labels)
        points = bone_points(ct, seed).round(_POINT_DECIMALS)
    made = {'seed': seed, 'version': _VERSION, 'labels': bool(labels), 'camera': xrays.CAMERA}
    placed = {
        name: _poses(ct, settings, count, per_pose, seed) for name, settings in presets.items()
    }
    with bars(console) as show:
        # One index after another, since many presets show the same poses: projected once.
        for index in range(count):
            show('cases', index, count, '')
            project = functools.cache(functools.partial(_projected, ct, seed, index))
            for name, settings in presets.items():
                pose, begins = placed[name][index]
                case = Truth(
                    ct_path=os.path.abspath(ct_path),
                    ct_sha256=ct.sha256,
                    group=name,
                    views=settings.views,
                    sdd_mm=xrays.SDD_MM,
                    reference_from_ct=pose,
                    points_m=points,
                    starts=begins,
                    start_range=settings.start_range,
                    automatic_masks=settings.automatic_masks,
                    made=plain({**made, 'preset': name, 'settings': settings, 'index': index}),
                )
                folder = out / f'{name}-{index:03d}'
                if not is_made(folder, case):
                    write_case(folder, _shots(project, settings, pose, seed, index), case)
        show('cases', count, count, f'{count} of each preset in {out}')


def _poses(ct, settings, count, per_pose, seed):
    """Return (carm_from_ct [4, 4], starts [N, 4, 4] beside it) of each case of a preset."""
    poses = settings.poses.draw(count, ct.isocentre_m, np.random.default_rng([seed, 0]))
    begins = np.empty((count, 0, 4, 4))
    if settings.start_range is not None:
        begins = starts(poses, ct.isocentre_m, settings.start_range, per_pose, seed)
    return list(zip(poses, begins, strict=True))


def _shots(project, settings, carm_from_ct, seed, index):
    """Return the Shots of a case; the reference is the first camera."""
    distance_m = 1e-3 * settings.poses.source_to_isocentre_mm
    rng = np.random.default_rng([seed, 5, index])
    cameras = [np.eye(4)]
    cameras += [xrays.second_from_first(distance_m, rng) for _ in range(settings.views - 1)]
    shots = []
    for number, camera_from_reference in enumerate(cameras):
        pose = camera_from_reference @ carm_from_ct
        ideal = project(settings.soft_tissue, settings.attenuation, pose.tobytes())
        counts = xrays.raw_counts(
            ideal, settings.degradation, settings.obstructions, seed, [index, number]
        )
        shots.append(Shot(counts, xrays.CAMERA, camera_from_reference))
    return shots


def _projected(ct, seed, index, soft_tissue_motion, attenuation, pose):
    """Return the line integrals of a pose, given as bytes, which can be the key of a cache."""
    if soft_tissue_motion is not None:
        rng = np.random.default_rng([seed, 6, index])
        ct = soft_tissue.moved(ct, soft_tissue_motion, rng)
    carm_from_ct = np.frombuffer(pose).reshape(4, 4)
    return xrays.ideal_line_integrals(ct, xrays.CAMERA, carm_from_ct, attenuation)
