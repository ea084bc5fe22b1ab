"""
Stereo clips of the DRENDS preview as rectified pairs, as far as that goes without a calibration.

A frame holds left over right over a third view, each 284x160, with a caption burnt into the top
left corner.  What is assumed: a field of view of 60 degrees across the width, a baseline of
4.5 mm, and tissue at 80 mm in the mean.  Depths are therefore of the right order, no more.
"""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from surg_invnerf.camera import StereoCamera
from surg_invnerf.clip import Clip, StereoFrame
from surg_invnerf.clips.video import Video
from surg_invnerf.correspondence.dense import pixel_grid
from surg_invnerf.stereo.instruments import find_instruments
from surgical_perception.geometry.camera import PinholeCamera

WIDTH, HEIGHT = 284, 160
_FIELD_OF_VIEW_DEG, _BASELINE_M, _DEPTH_M = 60.0, 0.0045, 0.08
_CAPTION = np.s_[:34, :57]  # with the ringing of the codec around it

# Measured by flow from left to right over all three clips: u_right - u_left in the median, and
# v_right - v_left in the middle and half the image's height below it (the scales differ).
_RIGHT_OF_LEFT_PX = 16.6
_BELOW_LEFT_PX, _BELOW_LEFT_PER_HALF_PX = -0.65, -1.42


class DrendsClip(Clip):
    """`count` frames of a video from frame `start`, every `step`-th."""

    def __init__(self, path, start=0, count=60, step=1):
        self._video = Video(path)
        self._frames = range(start, min(start + count * step, len(self._video)), step)
        focal = WIDTH / 2 / np.tan(np.radians(_FIELD_OF_VIEW_DEG) / 2)
        centre = (WIDTH - 1) / 2, (HEIGHT - 1) / 2
        self.camera = StereoCamera(
            PinholeCamera(WIDTH, HEIGHT, focal, focal, *centre), _BASELINE_M
        )
        self._right_pixels = _right_pixels(self.camera)
        self.name = f'{Path(path).stem} {start}:{self._frames[-1] + 1}'
        self.fps = self._video.fps / step
        self.sources = {'video': Path(path)}

    def __len__(self):
        return len(self._frames)

    def frames(self):
        """Yield the StereoFrames; the caption counts as an instrument."""
        shown = islice(
            self._video.frames(), self._frames.start, self._frames.stop, self._frames.step
        )
        for index, pixels in enumerate(shown):
            left = np.ascontiguousarray(pixels[:HEIGHT])
            right = cv2.remap(
                np.ascontiguousarray(pixels[HEIGHT : 2 * HEIGHT]),
                self._right_pixels,
                None,
                cv2.INTER_LINEAR,
            )
            tool = find_instruments(left)
            tool[_CAPTION] = True
            yield StereoFrame(index, round(index * 1e9 / self.fps), left, right, tool=tool)


def _right_pixels(camera):
    """Return where in the right image each pixel [H, W, 2] of the rectified one is."""
    u, v = np.moveaxis(pixel_grid(HEIGHT, WIDTH), -1, 0)
    down = (v - camera.left.cy) / (HEIGHT / 2)
    disparity = float(camera.disparity_from_depth(_DEPTH_M))
    return np.stack(
        [u + _RIGHT_OF_LEFT_PX + disparity, v + _BELOW_LEFT_PX + _BELOW_LEFT_PER_HALF_PX * down],
        -1,
    ).astype(np.float32)
