"""A video that holds the left eye above the right one."""

from pathlib import Path

from surg_invnerf.clip import Clip, StereoFrame
from surg_invnerf.clips.calibration import is_raw, load_raw_pair, load_rectified
from surg_invnerf.clips.files import check_size
from surg_invnerf.clips.video import Video
from surgical_perception.errors import InputError

_NS_PER_S = 1_000_000_000


def halves(pixels):
    """Return the upper and the lower half of an image [2 H, W, C] (an odd row is between)."""
    height = pixels.shape[0] // 2
    return pixels[:height], pixels[-height:]


class StackedVideoClip(Clip):
    """
    Frames of a top-over-bottom video with its calibration.

    The calibration is calib.yaml of images that are already rectified, or an OpenCV stereo
    calibration (M1, D1, M2, D2, R, T in mm) of raw ones, which are then rectified.
    """

    def __init__(self, path, calibration=None):
        if calibration is None:
            raise InputError(
                f'{path}: a video needs a calibration: calib.yaml for rectified images, or '
                "OpenCV's YAML of the stereo pair"
            )
        self._video = Video(path)
        self.name = Path(path).stem
        self.sources = {'video': Path(path), 'calibration': Path(calibration)}
        size = (self._video.width, self._video.height // 2)
        if is_raw(calibration):
            self._rectifier = load_raw_pair(calibration, *size).rectifier()
            self.camera, self.fps = self._rectifier.camera, self._video.fps
        else:
            self._rectifier = None
            self.camera, self.fps = load_rectified(calibration)
            if size != (self.camera.left.width, self.camera.left.height):
                raise InputError(
                    f'{path}: holds eyes of {size[0]}x{size[1]}, the calibration {calibration} is '
                    f'for {self.camera.left.width}x{self.camera.left.height}'
                )

    def __len__(self):
        return len(self._video)

    def frames(self):
        """Yield the rectified StereoFrames; a frame's stamp is its index over fps."""
        for index, pixels in enumerate(self._video.frames()):
            check_size(pixels, (self._video.width, self._video.height), f'{self.name}: a frame')
            left, right = halves(pixels)
            if self._rectifier is not None:
                left, right = self._rectifier.rectify(left, right)
            yield StereoFrame(index, round(index * _NS_PER_S / self.fps), left, right)
