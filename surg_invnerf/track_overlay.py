"""Points drawn on the left image, each in a colour of its own."""

import cv2
import numpy as np

from surg_invnerf.live.result import State

# Successive multiples of the golden ratio are far apart on the circle of hues, for any count.
_GOLDEN = 0.618034
_HUES = 180
_HSV = np.stack([np.arange(_HUES), np.full(_HUES, 220), np.full(_HUES, 255)], -1)
_PALETTE = cv2.cvtColor(_HSV[None].astype(np.uint8), cv2.COLOR_HSV2RGB)[0]
_RADIUS_PX = 3
_BANNER_PX = 22
_BANNER_RGB = {State.TRACKING: (40, 140, 60), State.LOST: (190, 40, 40)}
_WARNING_RGB = (200, 140, 20)


def colours_of(ids):
    """Return RGB colours [N, 3] uint8 of ids [N]: always the same, and unlike one another."""
    return _PALETTE[(_HUES * (np.asarray(ids) * _GOLDEN % 1)).astype(int)]


def draw_tracks(image, result, state, reason):
    """
    Return a copy of the left image [H, W, 3] with points, and a banner with the state.

    Discs are seen in this frame, rings are where the others are thought to be; LOST shows none.
    """
    picture = image.copy()
    if state is not State.LOST:
        centres = np.rint(result.uv).astype(int).tolist()
        colours = colours_of(result.ids).tolist()
        for centre, colour, seen in zip(centres, colours, result.visible, strict=True):
            thickness = cv2.FILLED if seen else 1
            cv2.circle(picture, centre, _RADIUS_PX, colour, thickness)
    picture[:_BANNER_PX] = _BANNER_RGB.get(state, _WARNING_RGB)
    text = state.name + (f': {reason}' if reason else '')
    cv2.putText(
        picture, text, (6, _BANNER_PX - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1,
        cv2.LINE_AA,
    )  # fmt: skip
    return picture
