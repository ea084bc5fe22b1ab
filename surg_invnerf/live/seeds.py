"""Where queries start by themselves: an even grid over the tissue that stereo measured."""

import numpy as np


def seed_grid(observation, count):
    """Return at most, and about, `count` pixels [M, 2] float64 of a FrameObservation."""
    good = observation.usable & observation.measured
    if count == 0 or not good.any():
        return np.zeros((0, 2))
    rows, columns = good.shape
    step = max(np.sqrt(np.count_nonzero(good) / count), 1.0)
    while True:
        v = np.arange(step / 2, rows - 1, step)
        u = np.arange(step / 2, columns - 1, step)
        grid = np.stack(np.meshgrid(u, v), -1).reshape(-1, 2)
        nearest = np.rint(grid).astype(int)
        grid = grid[good[nearest[:, 1], nearest[:, 0]]]
        if len(grid) <= count:
            return grid
        step *= 1.02  # an uneven border gave some too many
