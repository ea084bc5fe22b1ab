"""Which pairs and pixels the next step looks at."""

import numpy as np

from surg_invnerf.fit.batch import make_batch
from surg_invnerf.fit.error_grid import ErrorGrid

_EPSILON_PX = 0.05
# With fewer correspondences a pair says too little to be drawn.
_MIN_POINTS = 16


class RaySampler:
    """Draws batches where the error is, and learns from what they show."""

    def __init__(self, observations, seed):
        self.observations = observations
        self.grid = None
        self._rng = np.random.default_rng(seed)
        self._cells, self._partners, self._populated = {}, {}, {}

    def begin(self, cell_px):
        """Begin a stage with a grid of this cell size, from the errors of the one before."""
        camera = self.observations.camera.left
        parent, self.grid = self.grid, ErrorGrid(camera.width, camera.height, cell_px)
        self._cells.clear()
        self.refresh(parent)

    def refresh(self, parent=None):
        """Take up frames and pairs that were added to the observations or retired from them."""
        pairs = self.observations.pairs
        self.grid.hold(self.observations.frames, parent)
        self._cells = {key: value for key, value in self._cells.items() if key in pairs}
        self._partners, self._populated = {}, {}
        for key, pair in pairs.items():
            if len(pair.pixels) < _MIN_POINTS:
                continue
            if key not in self._cells:
                self._cells[key] = self.grid.cells(pair.pixels)
            source, target = key
            self._partners.setdefault(source, []).append(target)
            mask = self._populated.setdefault(source, np.zeros(self.grid.shape, bool))
            mask.ravel()[self._cells[key]] = True

    def draw(self, pairs, rays_per_pair, newest=(), device='cpu'):
        """
        Return a Batch; half of its pairs touch a frame of `newest`, where such are given.

        Returns None where no two frames have enough correspondences.
        """
        if not self._partners:
            return None
        frames = np.array(list(self._partners))
        weights = self.grid.frame_weights(frames) + _EPSILON_PX
        newest = [frame for frame in newest if frame in self._partners]
        chosen = []
        for number in range(pairs):
            if newest and number % 2:
                source = newest[self._rng.integers(len(newest))]
            else:
                source = frames[self._rng.choice(len(frames), p=weights / weights.sum())]
            partners = self._partners[source]
            key = (int(source), partners[self._rng.integers(len(partners))])
            if newest and number % 4 == 1 and key[::-1] in self._cells:
                key = key[::-1]
            rows = self.grid.draw(key[0], self._cells[key], rays_per_pair, self._rng)
            chosen.append((self.observations.pairs[key], rows))
        return make_batch(self.observations, chosen, device)

    def learn(self, batch, errors_px):
        """Let the reprojection errors [R] of a batch enter the grid."""
        source = batch.source.cpu().numpy()
        pixels, errors = batch.pixels.cpu().numpy(), errors_px.cpu().numpy()
        for frame in np.unique(source).tolist():
            chosen = source == frame
            self.grid.update(frame, pixels[chosen], errors[chosen])

    def converged_share(self, limit_px):
        """Return the share of cells with correspondences whose error is below a limit."""
        return self.grid.converged_share(limit_px, self._populated)
