"""Points drawn on the left image, each in a colour of its own."""

import cv2
import numpy as np

from surg_invnerf.live.result import State

# Successive multiples of the golden ratio are far apart on the circle of hues, for any count.
_GOLDEN = 0.618034
_RADIUS_PX = 3
_BANNER_PX = 22
_BANNER_RGB = {State.TRACKING: (40, 140, 60), State.LOST: (190, 40, 40)}
_WARNING_RGB = (200, 140, 20)


def colour_of(point_id):
    """Return the RGB colour [3] uint8 of an id: always the same, and unlike its neighbours'."""
    hue = int(180 * (point_id * _GOLDEN % 1))
    return cv2.cvtColor(np.uint8([[[hue, 220, 255]]]), cv2.COLOR_HSV2RGB)[0, 0]


def draw_tracks(image, result, state, reason):
    """
    Return a copy of the left image [H, W, 3] with points, and a banner with the state.

    Discs are seen in this frame, rings are where the others are thought to be; LOST shows none.
    """
    picture = image.copy()
    if state is not State.LOST:
        for point_id, (u, v), seen in zip(result.ids, result.uv, result.visible, strict=True):
            colour = tuple(int(value) for value in colour_of(int(point_id)))
            thickness = cv2.FILLED if seen else 1
            centre = int(round(float(u))), int(round(float(v)))
            cv2.circle(picture, centre, _RADIUS_PX, colour, thickness, cv2.LINE_AA)
    picture[:_BANNER_PX] = _BANNER_RGB.get(state, _WARNING_RGB)
    text = state.name + (f': {reason}' if reason else '')
    cv2.putText(
        picture, text, (6, _BANNER_PX - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1,
        cv2.LINE_AA,
    )  # fmt: skip
    return picture
