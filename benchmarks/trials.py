"""Poses and start ranges of the registration benchmark, drawn from fixed seeds."""

import numpy as np

from surgical_perception.geometry.frames import carm_from_ct_at
from xray_registration.benchmark import starts
from xray_registration.benchmark.starts import StartRange, perturbed

SOURCE_TO_ISOCENTRE_M = 0.7

START_RANGES = {r.name: r for r in starts.START_RANGES}
# The poses that are to be found: views around AP, as a C-arm is moved in the theatre.
POSE_RANGE = StartRange(20, 20, 40)


def poses(ct, count, seed):
    """Draw `count` true carm_from_ct [count, 4, 4] around the AP view."""
    rng = np.random.default_rng([seed, 0])
    nominal = carm_from_ct_at('AP', ct.isocentre_m, SOURCE_TO_ISOCENTRE_M)
    return np.stack(
        [perturbed(nominal, ct.isocentre_m, POSE_RANGE.twist(rng)) for _ in range(count)]
    )
