"""Where to start: the given pose first, then poses scattered around it."""

import numpy as np
from scipy.stats import qmc

from surgical_perception.geometry import se3


def turned_starts(carm_from_ct, isocentre_m, config, count):
    """
    Yield `count` poses [4, 4] around a given one, turned about the isocentre, moved in depth.

    carm_from_ct, isocentre_m   the given pose, and the centre of the turns in `ct`
    config                      MultistartConfig: half-widths about and along the C-arm's axes

    A Halton sequence covers the box evenly for any count, so that a search that stops early has
    looked everywhere a little.  Shifts in the image plane are left to `alignment`, which finds
    them from the images: four dimensions are covered far more densely than six.
    """
    centre = se3.apply(carm_from_ct, isocentre_m)
    half = np.deg2rad(config.rotation_deg)
    sampler = qmc.Halton(4, rng=config.seed)
    for _ in range(count):
        unit = 2 * sampler.random(1)[0] - 1
        turned = se3.perturb(np.concatenate([np.zeros(3), half * unit[1:]]), carm_from_ct, centre)
        turned[2, 3] += 1e-3 * config.depth_mm * unit[0]
        yield turned
