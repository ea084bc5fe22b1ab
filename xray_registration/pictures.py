"""X-rays with the CT's contours before and after a registration, side by side."""

from dataclasses import dataclass

import numpy as np

from surgical_perception.evaluation import plots


@dataclass(frozen=True)
class Comparison:
    """One X-ray with the CT's contours drawn on it at the pose before and after registration."""

    title: str
    before: np.ndarray  # [H, W, 3] uint8
    after: np.ndarray
    before_mm: float  # mTRE
    after_mm: float


def before_after(path, comparisons):
    """Draw Comparisons in rows: the X-ray with contours before (left) and after (right)."""
    fig, axes = plots.figure(
        len(comparisons), 2, height_in=4.95 * len(comparisons) + 0.2, squeeze=False
    )
    for row, comparison in zip(axes, comparisons, strict=True):
        panels = (
            ('before', comparison.before, comparison.before_mm, plots.BEFORE),
            ('after', comparison.after, comparison.after_mm, plots.AFTER),
        )
        for ax, (when, picture, error_mm, colour) in zip(row, panels, strict=True):
            ax.imshow(picture, interpolation='lanczos')
            ax.set_title(
                f'{comparison.title} {when} registration: {error_mm:.2g} mm off', color=colour
            )
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            ax.spines[:].set_visible(False)
    fig.savefig(path)
