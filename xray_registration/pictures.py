"""X-rays with the CT's contours, side by side."""

from dataclasses import dataclass

import numpy as np

from surgical_perception.evaluation import plots


@dataclass(frozen=True)
class Panel:
    """A picture [H, W, 3] uint8, or an X-ray [H, W] float32, with its title in a colour."""

    title: str
    picture: np.ndarray
    colour: str = plots.LIMIT


def before(title, picture, error_mm=None):
    """Return the Panel of contours at the pose that was known before a registration."""
    return _panel(f'{title} before registration', picture, error_mm, plots.BEFORE)


def after(title, picture, error_mm=None):
    """Return the Panel of contours at the registered pose; `error_mm` is its mTRE, if known."""
    return _panel(f'{title} after registration', picture, error_mm, plots.AFTER)


def side_by_side(path, rows):
    """Draw rows of two Panels each."""
    fig, axes = plots.figure(len(rows), 2, height_in=4.95 * len(rows) + 0.2, squeeze=False)
    for line, row in zip(axes, rows, strict=True):
        for ax, panel in zip(line, row, strict=True):
            ax.imshow(panel.picture, cmap='gray', interpolation='lanczos')
            ax.set_title(panel.title, color=panel.colour)
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            ax.spines[:].set_visible(False)
    fig.savefig(path)


def _panel(title, picture, error_mm, colour):
    known = error_mm is not None and np.isfinite(error_mm)
    return Panel(title + (f': {error_mm:.2g} mm off' if known else ''), picture, colour)
