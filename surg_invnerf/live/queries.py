"""New points to track: pixels that were asked for, and the grid at the start."""

import numpy as np

from surg_invnerf.geometry import bilinear
from surg_invnerf.live.pixels import inside, rescaled
from surg_invnerf.live.seeds import seed_grid
from surg_invnerf.tracks.visibility import pixel_of

# A query names a pixel; stereo at it may be missing, and then the depth is a guess.
_SIGMA_PX, _GUESSED_M = 0.3, 5e-3
_OUTSIDE = 'outside the image'


class Queries:
    """Turns pixels of the full-size left image into rows of Points."""

    def __init__(self, points, full, working):
        """Take Points and the StereoCameras of incoming and of working-size frames."""
        self._points = points
        self._full, self._working = full, working
        self._waiting = []  # (ids, uv) until there is a frame

    def add(self, uv, observation):
        """
        Take pixels [N, 2] of the frame that was observed last; return ids [N], REFUSED for some.

        Without an observation yet they are taken to be pixels of the first one.
        """
        uv = np.asarray(uv, np.float64).reshape(-1, 2)
        scaled = rescaled(uv, self._full.left, self._working.left)
        good = inside(uv, self._full.left) & inside(scaled, self._working.left)
        waiting = sum(len(ids) for ids, _ in self._waiting)
        ids = self._points.admit(good, _OUTSIDE, waiting)
        taken = ids >= 0
        if taken.any():
            self._waiting.append((ids[taken], scaled[taken]))
        if observation is not None:
            self.plant(observation)
        return ids

    def seed(self, observation, count):
        """Start a grid of at most `count` points."""
        uv = seed_grid(observation, count)
        ids = self._points.admit(np.ones(len(uv), bool), _OUTSIDE)
        self._plant(ids[ids >= 0], uv[ids >= 0], observation)

    def plant(self, observation):
        """Make rows of what waits, at its pixels in this observation."""
        for ids, uv in self._waiting:
            self._plant(ids, uv, observation)
        self._waiting.clear()

    def remove(self, ids):
        """Forget those that wait; return how many there were."""
        kept = [
            (held[keep], uv[keep]) for held, uv in self._waiting for keep in [~np.isin(held, ids)]
        ]
        gone = sum(len(held) for held, _ in self._waiting) - sum(len(held) for held, _ in kept)
        self._waiting = kept
        return gone

    def clear(self):
        """Forget all that wait."""
        self._waiting.clear()

    def _plant(self, ids, uv, observation):
        column, row = pixel_of(self._working, uv)
        depth_m = bilinear(observation.depth_m, uv)
        sigma_m = observation.sigma_m[row, column].astype(float)
        self._points.append(
            ids,
            uv,
            self._working.unproject(uv, depth_m),
            np.where(np.isfinite(sigma_m), sigma_m, _GUESSED_M),
            observation,
            observation.image[row, column],
            _SIGMA_PX,
        )
