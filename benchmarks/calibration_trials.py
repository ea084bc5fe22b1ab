"""X-rays from every side, at full and low dose: what the covariance has to be right about."""

import numpy as np
from search_targets import POSE_RANGE
from targets import CASES, ideal_line_integrals
from trials import SOURCE_TO_ISOCENTRE_M
from trust_trials import Trial

from surgical_perception.geometry.frames import POSITIONS, carm_from_ct_at
from xray_registration.benchmark.bone_points import bone_points
from xray_registration.benchmark.starts import StartRange, perturbed
from xray_registration.benchmark.xrays import CAMERA, second_from_first
from xray_registration.simulation.degrade import degrade, preset
from xray_registration.views import View, line_integrals

# The covariance describes one minimum, so every start lies in the right one's reach.
_NEAR = StartRange(5, 10, 20)

_DOSES = {'standard': '', 'harder': ', low dose'}

# All positions of the smallest CT, which is quick to project; of the others AP and LAT_L in odd
# seeds, PA and LAT_R in even ones.
_PLAN = [
    (name, place, views, degradation)
    for name, places in (('pelvis', 4), ('windowed chest', 2), ('chest', 2))
    for place in range(places)
    for views in (1, 2)
    for degradation in _DOSES
]

PER_SEED = len(_PLAN)


def around_a_position(seed, index):
    """Return Trial number `index` < PER_SEED of a seed, around a standard position."""
    name, place, count, degradation = _PLAN[index]
    case = CASES[name]
    # The odd places are laterals: AP, LAT_L, PA, LAT_R.
    position = ('AP', 'LAT_L', 'PA', 'LAT_R')[(place + 2 * ((seed + 1) % 2)) % 4]
    # Every trial of one position shares its poses, because projecting is slow.
    rng = np.random.default_rng([seed, 11, POSITIONS.index(position)])
    isocentre_m = case.ct.isocentre_m
    nominal = carm_from_ct_at(position, isocentre_m, SOURCE_TO_ISOCENTRE_M)
    pose = perturbed(nominal, isocentre_m, POSE_RANGE.twist(rng))
    cameras = [np.eye(4), second_from_first(SOURCE_TO_ISOCENTRE_M, rng)][:count]
    rng = np.random.default_rng([seed, 12, index])
    views = []
    for camera_from_first in cameras:
        ideal = ideal_line_integrals(case, camera_from_first @ pose)
        counts = degrade(ideal, preset(degradation), rng)
        views.append(View(line_integrals(counts, 'raw'), CAMERA, camera_from_first))
    start = perturbed(pose, isocentre_m, _NEAR.twist(rng))
    side = 'two views' if count == 2 else 'lateral' if 'LAT' in position else 'frontal'
    kind = side + _DOSES[degradation]
    points = bone_points(case.ct, 0)
    return Trial(kind, name, name, position, views, start, 'start', pose, points)
