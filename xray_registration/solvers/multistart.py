"""Where to start: the given pose first, then poses scattered around it."""

import numpy as np
from scipy.stats import qmc

from surgical_perception.geometry import se3


def starts_around(carm_from_ct, isocentre_m, config, count):
    """
    Yield ct_from_carm [4, 4]: the given start first, then a Halton sequence around it.

    carm_from_ct    [4, 4] of the given start
    config          MultistartConfig: half-widths of the box, along and about the C-arm's axes
    count           number of starts

    A low-discrepancy sequence covers the box evenly for any number of starts, so a search that
    stops early has looked everywhere a little.
    """
    ct_from_carm = se3.inverse(carm_from_ct)
    yield ct_from_carm
    half = np.concatenate(
        [
            1e-3 * np.array([config.in_plane_mm, config.in_plane_mm, config.depth_mm]),
            np.deg2rad([config.rotation_deg] * 3),
        ]
    )
    sampler = qmc.Halton(6, rng=config.seed)
    to_ct_axes = ct_from_carm[:3, :3]
    for _ in range(count - 1):
        unit = sampler.random(1)[0]
        twist = (2 * unit - 1) * half
        in_ct = np.concatenate([to_ct_axes @ twist[:3], to_ct_axes @ twist[3:]])
        yield se3.perturb(in_ct, ct_from_carm, isocentre_m)
