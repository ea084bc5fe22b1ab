"""Coarse-to-fine stages of a fit, and when each has done its work."""

from dataclasses import dataclass

_REFERENCE_WIDTH = 640
# Cells smaller than this hold too few rays for a mean.
_MIN_CELL_PX = 8


@dataclass(frozen=True)
class Stage:
    """
    One stage.

    cell_px         side of the cells of the error grid in a 640 pixels wide image
    limit_px        error below which a cell has converged
    share           part of all steps that the stage may take
    """

    cell_px: int
    limit_px: float
    share: float

    def cell_for(self, width):
        """Return the side of a cell in an image of that width."""
        return max(round(self.cell_px * width / _REFERENCE_WIDTH), _MIN_CELL_PX)


STAGES = (
    Stage(64, 2.0, 0.2),
    Stage(64, 1.5, 0.2),
    Stage(32, 1.0, 0.3),
    Stage(8, 1.0, 0.3),
)

# A stage ends early when this share of its cells has converged, but not before this part of its
# steps: errors over short gaps are small long before the small steps they add up to are right.
CONVERGED_SHARE = 0.95
MIN_PART = 0.5
