"""In-plane alignment of a DRR to an X-ray by template matching: shifts without a search."""

import cv2
import numpy as np

from surgical_perception.geometry import se3


def aligned_in_plane(fixed, mask, camera, carm_from_ct, isocentre_m, range_m, draw):
    """
    Shift a pose parallel to the image so that its DRR correlates best with the X-ray.

    fixed, mask     [H, W] X-ray and where it may be used
    carm_from_ct    [4, 4]; its rotation and the isocentre's depth are kept
    range_m         largest shift at the isocentre
    draw            (camera, carm_from_ct) -> DRR [H, W], here of a field widened by the range

    Returns (carm_from_ct [4, 4], NCC at the best shift).  An infinite NCC, where the widened DRR
    is flat, counts as -1.
    """
    depth_m = se3.apply(carm_from_ct, isocentre_m)[2]
    # A start behind the source, or a range beyond the image, has nothing to shift over.
    pad = int(np.clip(range_m * camera.fx / max(depth_m, 1e-3), 1, max(fixed.shape)))
    wide = camera.cropped(-pad, -pad, camera.width + 2 * pad, camera.height + 2 * pad)
    scores = cv2.matchTemplate(
        draw(wide, carm_from_ct), fixed, cv2.TM_CCOEFF_NORMED, mask=mask.astype(np.float32)
    )
    scores = np.where(np.isfinite(scores), scores, -1.0)
    down, right = np.unravel_index(np.argmax(scores), scores.shape)
    shift_px = np.array([right - pad, down - pad, 0.0])
    shifted = carm_from_ct.copy()
    shifted[:3, 3] -= shift_px * depth_m / np.array([camera.fx, camera.fy, 1.0])
    return shifted, float(scores[down, right])
