"""
A sequence of the STIR data set: two videos of rectified rows, and tattoos at start and end.

Layout: <case>/calib.json and <case>/{left*,right*}/seqNN/{frames/<start>ms-<end>ms-visible.mp4,
segmentation/icgstartseg.png, icgendseg.png}.
Source: Schmidt et al., "Surgical tattoos in infrared", IEEE TMI 2024, and its STIRLoader.
"""

import re
from pathlib import Path

import cv2
import numpy as np

from surg_invnerf.camera import StereoCamera
from surg_invnerf.clip import Clip, StereoFrame
from surg_invnerf.clips.files import read_json, read_mask
from surg_invnerf.clips.truth import EndPointTruth
from surg_invnerf.clips.video import Video
from surgical_perception.errors import InputError
from surgical_perception.geometry.camera import PinholeCamera

CALIBRATION = 'calib.json'
START_LABELS, END_LABELS = 'icgstartseg.png', 'icgendseg.png'

_NS_PER_MS = 1_000_000
# The two recorders may stop a frame or two apart.
_LENGTH_SLACK = 2
# Rows are rectified; what is left is the rounding of the calibration.
_ROW_SLACK_PX, _FOCAL_SLACK = 2.0, 0.01


class StirClip(Clip):
    """One sequence, given by its left folder `<case>/left*/seqNN`; `end_points` are its labels."""

    def __init__(self, sequence):
        left = Path(sequence).resolve()
        case = left.parent.parent
        if not left.parent.name.startswith('left'):
            raise InputError(f'{sequence}: give the left sequence, <case>/left*/seqNN')
        right = case / left.parent.name.replace('left', 'right', 1) / left.name
        self._left, self._right = _video(left), _video(right)
        self.name = f'{case.name}/{left.parent.name}/{left.name}'
        self._segmentation = left / 'segmentation'
        self.sources = {
            'left': self._left.path,
            'right': self._right.path,
            'calibration': case / CALIBRATION,
        }
        size = (self._left.width, self._left.height)
        if size != (self._right.width, self._right.height):
            raise InputError(
                f'{self._right.path}: is {self._right.width}x{self._right.height}, the left video '
                f'{size[0]}x{size[1]}'
            )
        if abs(len(self._left) - len(self._right)) > _LENGTH_SLACK:
            raise InputError(
                f'{self._right.path}: has {len(self._right)} frames, the left video '
                f'{len(self._left)}: they do not belong together'
            )
        self.camera = load_camera(case / CALIBRATION, *size)
        self.fps = self._left.fps
        self._start_ns = _start_ms(self._left.path) * _NS_PER_MS

    def __len__(self):
        return min(len(self._left), len(self._right))

    def frames(self):
        """Yield the StereoFrames; stamps count from the start that the file's name gives."""
        pairs = zip(self._left.frames(), self._right.frames(), strict=False)
        for index in range(len(self)):
            left, right = next(pairs)
            stamp_ns = self._start_ns + round(index * 1e9 / self.fps)
            yield StereoFrame(index, stamp_ns, left, right)

    def end_points(self):
        """
        Return the EndPointTruth of the tattoos; raises InputError where one image shows none.

        As in the data set's own loader, a tattoo is the middle of a contour's bounding box.
        """
        size = (self.camera.left.width, self.camera.left.height)
        start, end = (
            _middles(self._segmentation / name, size) for name in (START_LABELS, END_LABELS)
        )
        return EndPointTruth(np.column_stack([start, np.zeros(len(start))]), end)


def load_camera(path, width, height):
    """
    Return the StereoCamera of a calib.json; raises InputError, naming the file.

    `translation` is OpenCV's right_from_left in metres: its x is minus the baseline.
    """
    content = read_json(path)
    keys = ('leftcameramat', 'rightcameramat', 'translation')
    keys += ('leftdistortioncoeffs', 'rightdistortioncoeffs')
    try:
        left, right, translation, *distortion = (np.asarray(content[key], float) for key in keys)
    except (KeyError, TypeError, ValueError):
        raise InputError(f'{path}: expected numbers under {", ".join(keys)}') from None
    if left.shape != (3, 3) or right.shape != (3, 3) or translation.size != 3:
        raise InputError(f'{path}: expected 3x3 camera matrices and a translation of 3 numbers')
    if any(values.any() for values in distortion):
        raise InputError(f'{path}: has distortion: STIR is rectified, rectify these images too')
    focal = np.concatenate([matrix[[0, 1], [0, 1]] for matrix in (left, right)])
    if not np.ptp(focal) <= _FOCAL_SLACK * abs(focal[0]):
        raise InputError(f'{path}: focal lengths {focal.tolist()} differ: rectify the images')
    if not abs(left[1, 2] - right[1, 2]) <= _ROW_SLACK_PX:
        raise InputError(
            f'{path}: cy is {left[1, 2]:g} left and {right[1, 2]:g} right: rows are not rectified'
        )
    fx, fy, cx, cy = left[[0, 1, 0, 1], [0, 1, 2, 2]].tolist()
    pinhole = PinholeCamera(width, height, fx, fy, cx, cy)
    try:
        baseline_m = -float(translation.ravel()[0])
        return StereoCamera(pinhole, baseline_m, float(right[0, 2])).validated()
    except InputError as error:
        raise InputError(f'{path}: {error}') from None


def _video(sequence):
    """Return the one visible-light Video of a sequence's folder."""
    found = sorted((sequence / 'frames').glob('*.mp4'))
    if len(found) != 1:
        raise InputError(f'{sequence / "frames"}: holds {len(found)} videos, expected one *.mp4')
    return Video(found[0])


def _start_ms(path):
    times = re.match(r'(\d+)ms-(\d+)ms', path.name)
    if times is None:
        raise InputError(f'{path}: expected a name such as 1000ms-5000ms-visible.mp4')
    return int(times[1])


def _middles(path, size):
    """Return the middles [N, 2] of the bounding boxes of a mask's contours."""
    mask = read_mask(path, size).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        raise InputError(f'{path}: shows no tattoo: the sequence has no labels there')
    boxes = np.array([cv2.boundingRect(contour) for contour in contours])
    return (boxes[:, :2] + boxes[:, 2:] // 2).astype(float)
