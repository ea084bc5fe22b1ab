"""X-rays around every standard position of a C-arm, in pairs from two directions."""

from dataclasses import dataclass

import numpy as np
from targets import raw_counts
from trials import SOURCE_TO_ISOCENTRE_M

from surgical_perception.geometry.frames import POSITIONS, carm_from_ct_at
from xray_registration.benchmark.bone_points import bone_points
from xray_registration.benchmark.starts import StartRange, perturbed
from xray_registration.benchmark.xrays import CAMERA, second_from_first
from xray_registration.views import View, line_integrals

# How far from the standard position the C-arm may stand.
POSE_RANGE = StartRange(30, 60, 60)


@dataclass(frozen=True)
class Pairs:
    """X-rays in pairs of known relative pose; what `one_trial.run_trial` calls Targets."""

    case: object
    positions: list  # name of the standard position of each pair's first view
    views: list  # [View, View] of each pair; the reference is the first camera
    carm_from_ct: np.ndarray  # [P, 4, 4] of the first views
    points: np.ndarray  # [N, 3] m, ct


def pairs(case, per_position, seed):
    """Return the Pairs of a case, `per_position` of each standard position, cached on disk."""
    rng = np.random.default_rng([seed, 10])
    isocentre_m = case.ct.isocentre_m
    positions, poses, views = [], [], []
    for index in range(per_position * len(POSITIONS)):
        position = POSITIONS[index % len(POSITIONS)]
        nominal = carm_from_ct_at(position, isocentre_m, SOURCE_TO_ISOCENTRE_M)
        pose = perturbed(nominal, isocentre_m, POSE_RANGE.twist(rng))
        turned = second_from_first(SOURCE_TO_ISOCENTRE_M, rng)
        views.append(
            [
                _view(case, camera_from_first, pose, seed, 2 * index + number)
                for number, camera_from_first in enumerate((np.eye(4), turned))
            ]
        )
        positions.append(position)
        poses.append(pose)
    return Pairs(case, positions, views, np.stack(poses), bone_points(case.ct, seed))


def _view(case, camera_from_first, carm_from_ct, seed, index):
    # Numbers of their own keep the noise apart from that of the other benchmarks' X-rays.
    counts = raw_counts(case, camera_from_first @ carm_from_ct, seed, 1000 + index)
    return View(line_integrals(counts, 'raw'), CAMERA, camera_from_first)
