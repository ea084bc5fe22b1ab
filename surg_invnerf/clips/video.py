"""A video file read frame by frame."""

from pathlib import Path

import cv2

from surgical_perception.errors import InputError

# What a recording may have; more or less, and the file's header is wrong.
_MIN_FPS, _MAX_FPS = 0.5, 1000.0


class Video:
    """
    Size, rate and length of a video, and its frames.

    path, width, height, fps; len() is the number of frames that the file declares.
    Raises InputError, naming the file, where it is no video or is empty.
    """

    def __init__(self, path):
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f'{path}: there is no such video')
        capture = self._open()
        self.width, self.height, self._count = (
            int(capture.get(key))
            for key in (
                cv2.CAP_PROP_FRAME_WIDTH,
                cv2.CAP_PROP_FRAME_HEIGHT,
                cv2.CAP_PROP_FRAME_COUNT,
            )
        )
        self.fps = float(capture.get(cv2.CAP_PROP_FPS))
        capture.release()
        if self._count < 1 or self.width < 1 or self.height < 1:
            raise InputError(f'{path}: the video holds no frame: is it cut off?')
        if not _MIN_FPS <= self.fps <= _MAX_FPS:
            raise InputError(f'{path}: the video says {self.fps:g} frames per second')

    def __len__(self):
        return self._count

    def frames(self):
        """Yield all frames [H, W, 3] uint8, RGB; raises InputError where the file ends early."""
        capture = self._open()
        try:
            for index in range(self._count):
                read, pixels = capture.read()
                if not read:
                    raise InputError(
                        f'{self.path}: ends after {index} of {self._count} frames: it is cut off '
                        'or damaged'
                    )
                yield cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
        finally:
            capture.release()

    def _open(self):
        capture = cv2.VideoCapture(str(self.path))
        if not capture.isOpened():
            raise InputError(f'{self.path}: is no video that OpenCV can read, or is cut off')
        return capture
