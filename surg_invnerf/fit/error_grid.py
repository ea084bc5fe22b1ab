"""How large the reprojection error is, by frame and cell: where rays are needed."""

import numpy as np

# A running mean over the batches that touch a cell.
_MEMORY = 0.9
# Before a cell was looked at, it counts as bad.
_UNKNOWN_PX = 8.0
_UNIFORM_SHARE = 0.2


class ErrorGrid:
    """
    One grid of cells of cell_px over the image of each frame.

    error_px {frame: [gh, gw]}, counts {frame: [gh, gw]} of the rays so far.
    """

    def __init__(self, width, height, cell_px):
        self.cell_px = cell_px
        self.shape = (-(-height // cell_px), -(-width // cell_px))
        self.error_px, self.counts = {}, {}

    def hold(self, frames, parent=None):
        """Hold exactly these frames; errors of new ones come from a coarser `parent` grid."""
        for frame in set(self.error_px) - set(frames):
            del self.error_px[frame], self.counts[frame]
        for frame in set(frames) - set(self.error_px):
            self.error_px[frame] = self._from(parent, frame)
            self.counts[frame] = np.zeros(self.shape, np.float32)

    def _from(self, parent, frame):
        if parent is None or frame not in parent.error_px:
            return np.full(self.shape, _UNKNOWN_PX, np.float32)
        centres = [
            np.minimum(((np.arange(n) + 0.5) * self.cell_px / parent.cell_px).astype(int), m - 1)
            for n, m in zip(self.shape, parent.shape, strict=True)
        ]
        return parent.error_px[frame][np.ix_(*centres)]

    def cells(self, pixels):
        """Return the flat cell numbers [N] of pixels [N, 2]."""
        column = (pixels[:, 0] / self.cell_px).astype(int)
        row = (pixels[:, 1] / self.cell_px).astype(int)
        return row * self.shape[1] + column

    def update(self, frame, pixels, errors_px):
        """Let the errors [N] of a batch at pixels [N, 2] enter the running means."""
        cells = self.cells(pixels)
        size = self.shape[0] * self.shape[1]
        counts = np.bincount(cells, minlength=size)
        touched = counts > 0
        mean = np.bincount(cells, errors_px, minlength=size)[touched] / counts[touched]
        kept = _MEMORY ** counts[touched]
        # The first look replaces the guess.
        kept[self.counts[frame].ravel()[touched] == 0] = 0
        error = self.error_px[frame].ravel()
        error[touched] = kept * error[touched] + (1 - kept) * mean
        self.error_px[frame] = error.reshape(self.shape)
        self.counts[frame] += counts.reshape(self.shape)

    def draw(self, frame, cells, count, rng):
        """
        Return `count` indices into pixels of the given cells [M].

        80 % go by error / sqrt(looks + 1) of their cell, 20 % anywhere.
        """
        score = self.error_px[frame] / np.sqrt(self.counts[frame] + 1)
        weights = np.cumsum(score.ravel()[cells])
        guided = count - round(_UNIFORM_SHARE * count)
        drawn = np.searchsorted(weights, rng.random(guided) * weights[-1])
        anywhere = rng.integers(0, len(cells), count - guided)
        return np.concatenate([np.minimum(drawn, len(cells) - 1), anywhere])

    def frame_weights(self, frames):
        """Return the mean error [F] of frames."""
        return np.array([self.error_px[frame].mean() for frame in frames])

    def converged_share(self, limit_px, populated):
        """Return the share below a limit of the cells {frame: [gh, gw] bool} with pairs."""
        below = total = 0
        for frame, mask in populated.items():
            below += np.count_nonzero(self.error_px[frame][mask] < limit_px)
            total += np.count_nonzero(mask)
        return below / total if total else 1.0
