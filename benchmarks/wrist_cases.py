"""
Case folders of the real wrist for `surgical-perception benchmark registration`.

    python benchmarks/wrist_cases.py [--starts 8] [--seed 11] [--out FOLDER]

Leaves <out>/<bone>/<starts>-<instant> for radius and ulna at three instants: two real X-rays with
the beads masked, starts within 10 and 20 degrees and mm, and as pose the consensus of
wrist_biplane.py, which is searched where that has left none.  It is no ground truth: a method that
comes within 1 mm of it agrees with the search of `lm`.  The bones' stacks, and one of two hand
bones, lie beside them as <out>/<bone>.nii.gz, for training too.
"""

import argparse
import json
from pathlib import Path

import nibabel
import numpy as np
import wrist_biplane
from targets import CHECKOUT
from wrist_beads import mask_without_beads
from wrist_data import BONES, INSTANTS, STACKS, load_bone, load_cameras, load_pixels, load_views
from wrist_steps import Trial, find_consensus

from surgical_perception.geometry import se3
from surgical_perception.geometry.frames import RAS_FROM_LPS
from xray_registration.benchmark.bone_points import surface_points
from xray_registration.benchmark.case_folder import Shot, is_made, write_case
from xray_registration.benchmark.starts import StartRange, starts
from xray_registration.benchmark.truth import Truth
from xray_registration.volume.loader import load_ct

RANGES = {'10deg-10mm': StartRange(10, 10, 10), '20deg-20mm': StartRange(20, 20, 20)}
_POINTS = 500
_DECIMALS = 6  # of a metre


def main():
    """Write what is not there yet."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    paths = {name: _written_stack(options.out, name) for name in STACKS}
    for bone in BONES:
        ct = load_ct(paths[bone])
        poses = {instant: _consensus(bone, instant) for instant in INSTANTS}
        for truth, instant, name in _truths(options, bone, ct, poses):
            folder = options.out / bone / f'{name}-{instant}'
            if not is_made(folder, truth):
                write_case(folder, _shots(instant), truth)
                print(folder, flush=True)


def _truths(options, bone, ct, poses):
    """Yield (Truth, instant, name of its starts) of a bone's poses {instant: [4, 4]}."""
    points = surface_points(ct, ct.hu > 0, _POINTS, options.seed).round(_DECIMALS)
    first = load_cameras()[0].camera_from_reference
    carm_from_ct = first @ np.stack(list(poses.values()))
    for name, within in RANGES.items():
        drawn = starts(carm_from_ct, ct.isocentre_m, within, options.starts, options.seed)
        for instant, in_camera, begins in zip(poses, carm_from_ct, drawn, strict=True):
            truth = Truth(
                ct_path=f'../../{bone}.nii.gz',
                ct_sha256=ct.sha256,
                group=f'wrist, {within.rotation_deg:g} deg / {within.in_plane_mm:g} mm',
                views=2,
                # The calibration knows no mm on the detector: mPE is in mm at the bone.
                sdd_mm=1e3 * float(se3.apply(in_camera, ct.isocentre_m)[2]),
                reference_from_ct=poses[instant],
                points_m=points,
                starts=se3.inverse(first) @ begins,
                start_range=within,
                region='projection',
                made={'bone': bone, 'instant': instant, 'seed': options.seed},
            )
            yield truth, instant, name


def _shots(instant):
    masks = [mask_without_beads(view) for view in load_views(instant)]
    return [
        Shot(pixels, view.camera, view.camera_from_reference, mask)
        for pixels, view, mask in zip(load_pixels(instant), load_cameras(), masks, strict=True)
    ]


def _consensus(bone, instant):
    """Return reference_from_ct [4, 4] as wrist_biplane.py left it, or as it would find it."""
    left = wrist_biplane.FOLDER / f'{bone}_{instant}_consensus.json'
    if left.exists():
        found = json.loads(left.read_text())
    else:
        print(f'{left} is absent: searching the pose', flush=True)
        found = find_consensus(Trial(bone, instant, wrist_biplane.SEED, 0))
    return np.array(found['pose'])


def _written_stack(out, name):
    """Return the path of a stack as NIfTI, which keeps its bytes: weights are known by them."""
    path, bone = out / f'{name}.nii.gz', load_bone(name)
    if not path.exists():
        ras_mm_from_index = RAS_FROM_LPS @ np.diag([1e3, 1e3, 1e3, 1]) @ bone.ct_from_index
        values = bone.hu.T.astype(np.int16)  # grey values have 12 bits
        nibabel.save(nibabel.Nifti1Image(values, ras_mm_from_index), path)
    return path


def _options():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--starts', type=int, default=8, help='of each bone, instant and range')
    parser.add_argument('--seed', type=int, default=11)
    folder = CHECKOUT / 'results' / 'benchmarks' / 'wrist_cases'
    parser.add_argument('--out', type=Path, default=folder)
    return parser.parse_args()


if __name__ == '__main__':
    main()
