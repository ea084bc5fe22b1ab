"""Finding points again in the next frame: pyramidal Lucas-Kanade, there and back."""

import time

import cv2
import numpy as np

# Light that moves with the scope changes brightness by more than texture does.
_CLAHE_LIMIT, _CLAHE_TILES = 2.0, (8, 8)
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.01)


def tracking_image(rgb):
    """Return the contrast-limited grey image [H, W] uint8 that flow compares."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return cv2.createCLAHE(_CLAHE_LIMIT, _CLAHE_TILES).apply(grey)


def flow(previous, current, uv, guess, config, deadline=float('inf'), clock=time.monotonic):
    """
    Track pixels uv [N, 2] of one grey image into the next, starting at `guess` [N, 2].

    Batches run until `clock()` passes `deadline`, but the first in any case: what made the frame
    late came before, and tracking nothing would not mend it.  Later points are not looked for.
    Returns (found [N, 2], round_trip_px [N], looked [N] bool); the round trip is infinite
    where the point was lost.
    """
    found = np.array(guess, np.float64)
    round_trip = np.full(len(found), np.inf)
    looked = np.zeros(len(found), bool)
    options = {
        'winSize': (config.patch_px, config.patch_px),
        'maxLevel': config.levels,
        'criteria': _STOP,
        'flags': cv2.OPTFLOW_USE_INITIAL_FLOW,
    }
    for first in range(0, len(found), config.batch):
        if first and clock() > deadline:
            break
        part = slice(first, first + config.batch)
        start = np.ascontiguousarray(uv[part], np.float32)
        there = np.ascontiguousarray(guess[part], np.float32)
        # The way back starts as far off as the way there did: a start at the goal proves nothing.
        shift = there - start
        there, ok, _ = cv2.calcOpticalFlowPyrLK(previous, current, start, there, **options)
        back = there - shift
        back, ok_back, _ = cv2.calcOpticalFlowPyrLK(current, previous, there, back, **options)
        both = (ok.ravel() > 0) & (ok_back.ravel() > 0)
        error = np.linalg.norm(back - start, axis=1)
        round_trip[part] = np.where(both & np.isfinite(error), error, np.inf)
        found[part] = np.where(both[:, None], there, guess[part])
        looked[part] = True
    return found, round_trip, looked
