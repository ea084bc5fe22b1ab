"""Steel beads in an X-ray: small dark discs, which no bone and no edge is."""

import cv2
import numpy as np

from xray_registration.masks.automatic import automatic_mask
from xray_registration.presets import segmented_bone

# Beads are 6 to 9 pixels wide.  A line of this length fits into bones and along their edges in
# some direction, but into no bead.
_LINE_PX = 25
_DIRECTIONS = 12
_CONTRAST = 0.05  # in line integrals
_AREA_PX = (12, 150)
_HALO_PX = 9  # beads are masked with the blur around them


def mask_without_beads(view):
    """Return where a View may be used [H, W] bool: within the collimator, no beads."""
    return automatic_mask(view, segmented_bone().masks).mask & ~beads(view.image)


def beads(line_integrals):
    """Return where beads and their surroundings are [H, W] bool."""
    smooth = cv2.GaussianBlur(line_integrals, (0, 0), 1.0)
    lines = np.max([cv2.morphologyEx(smooth, cv2.MORPH_OPEN, line) for line in _lines()], axis=0)
    spots = (smooth - lines > _CONTRAST).astype(np.uint8)
    _, label, stats, _ = cv2.connectedComponentsWithStats(spots)
    area = stats[:, cv2.CC_STAT_AREA]
    is_bead = (area >= _AREA_PX[0]) & (area <= _AREA_PX[1])
    is_bead[0] = False
    halo = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_HALO_PX, _HALO_PX))
    return cv2.dilate(is_bead[label].astype(np.uint8), halo) > 0


def _lines():
    centre = _LINE_PX // 2
    for angle in np.arange(_DIRECTIONS) * np.pi / _DIRECTIONS:
        dx, dy = (round(float(x) * centre) for x in (np.cos(angle), np.sin(angle)))
        line = np.zeros((_LINE_PX, _LINE_PX), np.uint8)
        cv2.line(line, (centre - dx, centre - dy), (centre + dx, centre + dy), 1)
        yield line
